//! How a request ended, as its record tells it: one record, always, with the truth in it.

use std::time::Duration;

use e2e::{Call, Counts, Cut, Dialect, Ended, Gate, Reply};
use serde_json::{Value, json};

use crate::four::Four;

const COUNTS: Counts = Counts::of(30, 7);

/// Both ways of running an attempt: conducted, and by the proxy's own loop.
async fn both_ways() -> [Four; 2] {
    let direct = json!({ "gateway": { "resilient_streams": false } });
    [Four::start().await, Four::with(direct).await]
}

/// What a record says about the end: `end`, `status`, `usage_source`.
fn end(record: &Value) -> (&str, u64, &str) {
    let text = |key: &str| record[key].as_str().unwrap_or("?");
    (
        text("end"),
        record["status"].as_u64().unwrap_or(0),
        text("usage_source"),
    )
}

#[tokio::test]
async fn a_complete_answer() {
    for four in both_ways().await {
        for dialect in Dialect::ALL {
            for stream in [false, true] {
                four.upstream(dialect).then(match stream {
                    true => dialect.stream(&["a", "b"], COUNTS),
                    false => dialect.whole("ab", COUNTS),
                });
                let answer = Call::ask(dialect, "m", stream).send(&four.gateway).await;
                let record = four.gateway.record(answer.id()).await;
                assert_eq!(
                    end(&record),
                    ("complete", 200, "provider"),
                    "{dialect:?}, stream {stream}: {record}"
                );
                assert_eq!(record["id"], answer.id());
                assert_eq!(record["operation"], "chat");
            }
        }
        assert_eq!(four.gateway.records(8).await.len(), 8, "one record each");
    }
}

#[tokio::test]
async fn a_client_that_left_before_the_end() {
    for four in both_ways().await {
        for dialect in Dialect::ALL {
            let gate = Gate::new();
            let upstream = four.upstream(dialect);
            let counts = Counts::of(30, 200);
            let reply = dialect.stream(&["one ", "two ", "three ", "four"], counts);
            upstream.then(reply.gated_at(dialect.preamble() + 2, &gate));
            let mut stream = four.gateway.stream(dialect).await;
            let id = stream.id();
            stream.first_text(dialect).await;
            let before = upstream.hung_up();
            drop(stream);
            e2e::eventually("the upstream is left, too", || upstream.hung_up() > before).await;
            let record = four.gateway.record(&id).await;
            let (how, status, source) = end(&record);
            assert_eq!((how, status), ("client_gone", 499), "{dialect:?}: {record}");
            assert_ne!(
                source, "none",
                "{dialect:?}: it pays for what it got: {record}"
            );
            assert!(
                record["usage"]["input"].as_u64().unwrap() > 0,
                "{dialect:?}: {record}"
            );
            assert!(
                record["usage"]["output"].as_u64().unwrap() > 0,
                "{dialect:?}: {record}"
            );
            if matches!(dialect, Dialect::Messages | Dialect::Gemini) {
                assert_eq!(
                    source, "mixed",
                    "the input was reported, the output was not: {record}"
                );
                assert_eq!(record["usage"]["input"], 30);
            }
        }
        four.gateway.metric_is("tollgate_in_flight", &[], 0.0).await;
    }
}

#[tokio::test]
async fn a_client_that_left_while_nothing_had_come() {
    let four = Four::start().await;
    for stream in [false, true] {
        let upstream = four.upstream(Dialect::Chat);
        let (calls, hung_up) = (upstream.calls(), upstream.hung_up());
        upstream.then(Reply::silence());
        let call =
            Call::ask(Dialect::Chat, "m", stream).header("x-request-id", &format!("left-{stream}"));
        let waiting = async {
            call.send(&four.gateway).await;
        };
        tokio::select! {
            () = waiting => panic!("nobody answers"),
            () = upstream.wait_for_calls(calls + 1) => {}
        }
        e2e::eventually("the upstream is left", || upstream.hung_up() > hung_up).await;
        let expected = usize::from(stream) + 1;
        let records = four.gateway.records(expected).await;
        let id = format!("left-{stream}");
        let record = records
            .iter()
            .find(|record| record["client_request_id"] == *id);
        let record = record.unwrap_or_else(|| panic!("stream {stream}: {records:?}"));
        assert_eq!(
            (end(record).0, end(record).1),
            ("client_gone", 499),
            "stream {stream}: {record}"
        );
    }
}

#[tokio::test]
async fn a_client_that_left_before_the_first_content_pays_for_the_input_that_was_reported() {
    let four = Four::start().await;
    let (dialect, counts) = (Dialect::Messages, Counts::of(30_000, 200));
    let upstream = four.upstream(dialect);
    let (calls, hung_up) = (upstream.calls(), upstream.hung_up());
    let reply = dialect.stream(&["one"], counts);
    upstream.then(reply.stalled_after_pieces(dialect.preamble()));
    let call = Call::ask(dialect, "m", true).header("x-request-id", "left-early");
    let waiting = async {
        call.send(&four.gateway).await;
    };
    let heard = async {
        upstream.wait_for_calls(calls + 1).await;
        // The preamble, which is held, says what the input was.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    };
    tokio::select! {
        () = waiting => panic!("nothing is shown"),
        () = heard => {}
    }
    e2e::eventually("the upstream is left", || upstream.hung_up() > hung_up).await;
    let record = &four.gateway.records(1).await[0];
    assert_eq!(end(record), ("client_gone", 499, "mixed"), "{record}");
    assert_eq!(record["usage"]["input"], 30_000, "{record}");
    assert_eq!(record["usage"]["output"], 0, "{record}");
}

#[tokio::test]
async fn a_client_that_left_after_the_terminal_event() {
    for four in both_ways().await {
        for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
            let gate = Gate::new();
            let events = dialect.events(&["a"], COUNTS);
            // The upstream keeps the connection open behind its last event.
            let last = events.len();
            let reply = Reply::sse(events.into_iter().chain([": late\n\n".to_owned()]));
            four.upstream(dialect).then(reply.gated_at(last, &gate));
            let mut stream = four.gateway.stream(dialect).await;
            let id = stream.id();
            loop {
                let event = stream.next().await.expect("the terminal event comes");
                if event.data == "[DONE]"
                    || event.data.contains("response.completed")
                    || event.data.contains("message_stop")
                {
                    break;
                }
            }
            drop(stream);
            let record = four.gateway.record(&id).await;
            assert_eq!(
                end(&record),
                ("complete", 200, "provider"),
                "{dialect:?}: {record}"
            );
            gate.open();
        }
    }
}

#[tokio::test]
async fn an_upstream_that_breaks_off() {
    for four in both_ways().await {
        for dialect in Dialect::ALL {
            for cut in [Cut::Fin, Cut::Rst] {
                let reply = dialect
                    .stream(&["one ", "two ", "three"], COUNTS)
                    .paced(Duration::from_millis(10));
                four.upstream(dialect)
                    .then(reply.cut_after_pieces(dialect.preamble() + 2, cut));
                let mut stream = four.gateway.stream(dialect).await;
                let id = stream.id();
                let (ended, _) = stream.whole().await;
                assert_eq!(
                    ended,
                    Ended::Properly,
                    "{dialect:?} {cut:?}: the gateway finishes what it framed"
                );
                let last = stream.rest().await.pop().expect("events");
                assert!(
                    dialect.is_fault(&last.json()),
                    "{dialect:?} {cut:?}: {}",
                    stream.text()
                );
                let record = four.gateway.record(&id).await;
                let (how, status, source) = end(&record);
                assert_eq!(
                    (how, status),
                    ("upstream_cut", 200),
                    "{dialect:?} {cut:?}: {record}"
                );
                assert_ne!(source, "none", "{dialect:?}: {record}");
                assert!(
                    record["usage"]["output"].as_u64().unwrap() > 0,
                    "{dialect:?}: {record}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_end_without_the_formats_terminal_is_a_cut() {
    for four in both_ways().await {
        for dialect in Dialect::ALL {
            let pieces = dialect.preamble() + 1;
            let events = dialect.events(&["one ", "two"], COUNTS)[..pieces].to_vec();
            four.upstream(dialect).then(Reply::sse(events));
            let mut stream = four.gateway.stream(dialect).await;
            let id = stream.id();
            let events = stream.rest().await;
            assert!(
                dialect.is_fault(&events.last().unwrap().json()),
                "{dialect:?}: {}",
                stream.text()
            );
            let record = four.gateway.record(&id).await;
            assert_eq!(end(&record).0, "upstream_cut", "{dialect:?}: {record}");
        }
    }
}

#[tokio::test]
async fn chat_that_finished_without_done_is_complete() {
    for four in both_ways().await {
        let mut events = Dialect::Chat.events(&["a"], COUNTS);
        assert_eq!(events.pop().unwrap(), "data: [DONE]\n\n");
        four.upstream(Dialect::Chat).then(Reply::sse(events));
        let answer = Call::ask(Dialect::Chat, "m", true)
            .send(&four.gateway)
            .await;
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(end(&record), ("complete", 200, "provider"), "{record}");
        assert!(!answer.text().contains("\"error\""), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_error_inside_a_stream() {
    for four in both_ways().await {
        for dialect in Dialect::ALL {
            let mut events =
                dialect.events(&["one ", "two"], COUNTS)[..=dialect.preamble()].to_vec();
            let fault = dialect.fault_event("Overloaded");
            events.push(fault.clone());
            four.upstream(dialect).then(Reply::sse(events.clone()));
            let mut stream = four.gateway.stream(dialect).await;
            let id = stream.id();
            let seen = stream.rest().await;
            let faults = seen
                .iter()
                .filter(|event| dialect.is_fault(&event.json()))
                .count();
            assert_eq!(
                faults,
                1,
                "{dialect:?}: the upstream's word is not repeated: {}",
                stream.text()
            );
            let record = four.gateway.record(&id).await;
            assert_eq!(
                (end(&record).0, end(&record).1),
                ("upstream_error", 200),
                "{dialect:?}: {record}"
            );
            assert_ne!(
                end(&record).2,
                "none",
                "{dialect:?}: what came is paid: {record}"
            );
        }
    }
}

#[tokio::test]
async fn a_whole_answer_cut_in_the_middle() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let reply = dialect.whole(&"word ".repeat(100_000), COUNTS);
        four.upstream(dialect)
            .then(reply.cut_after(300_000, Cut::Fin));
        let mut stream = Call::ask(dialect, "m", false).open(&four.gateway).await;
        let id = stream.id();
        let (ended, body) = stream.whole().await;
        assert!(
            ended == Ended::Broken || stream.status >= 500,
            "{dialect:?}: {} bytes, status {}",
            body.len(),
            stream.status
        );
        let record = four.gateway.record(&id).await;
        assert!(
            matches!(end(&record).0, "upstream_cut" | "upstream_error"),
            "{dialect:?}: {record}"
        );
    }
}

#[tokio::test]
async fn a_refusal_of_the_gateway() {
    let four = Four::with(
        json!({ "tokens": [{ "name": "e2e", "key": e2e::CALLER_KEY, "models": ["gpt-*"] }] }),
    )
    .await;
    let cases = [
        (
            "a model not allowed",
            Call::ask(Dialect::Chat, "m", false),
            403,
        ),
        (
            "malformed",
            Call::post(Dialect::Chat, "/v1/chat/completions", "{"),
            400,
        ),
    ];
    for (what, call, status) in cases {
        let answer = call.send(&four.gateway).await;
        let record = four.gateway.record(answer.is(status).id()).await;
        assert_eq!(
            end(&record),
            ("refused", u64::from(status), "none"),
            "{what}: {record}"
        );
        assert_eq!(
            (&record["attempts"], &record["channel"]),
            (&json!(0), &Value::Null),
            "{what}"
        );
        assert_eq!(record["cost"], "0.000000000");
    }
    let anonymous = Call::ask(Dialect::Chat, "gpt-4o", false)
        .anonymous()
        .send(&four.gateway)
        .await;
    anonymous.is(401);
    assert_eq!(
        four.gateway.records(2).await.len(),
        2,
        "who is nobody leaves no record"
    );
    let missing = four
        .gateway
        .admin_get(&format!("/api/requests/{}", anonymous.id()))
        .await;
    assert_eq!(
        missing.is(404).header("content-type"),
        Some("application/problem+json")
    );
}

#[tokio::test]
async fn the_record_has_every_field_of_the_contract() {
    let four = Four::start().await;
    four.upstream(Dialect::Messages)
        .then(Dialect::Messages.whole("x", COUNTS));
    let answer = four.gateway.ask(Dialect::Messages).await;
    let record = four.gateway.record(answer.id()).await;
    let fields = [
        "id",
        "client_request_id",
        "at",
        "user",
        "token",
        "token_id",
        "group",
        "operation",
        "client_format",
        "upstream_format",
        "model",
        "upstream_model",
        "channel",
        "attempts",
        "status",
        "end",
        "stream",
        "first_byte_ms",
        "duration_ms",
        "overhead_us",
        "usage",
        "usage_source",
        "cost",
        "config",
    ];
    for field in fields {
        assert!(record.get(field).is_some(), "{field}: {record}");
    }
    let classes = [
        "input",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "output",
        "reasoning",
        "audio_input",
        "audio_output",
        "image_input",
        "image_output",
    ];
    for class in classes {
        assert!(record["usage"][class].is_u64(), "{class}: {record}");
    }
    assert!(record["at"].as_str().unwrap().ends_with('Z'));
    assert!(record["overhead_us"].is_u64());
}

#[tokio::test]
async fn records_are_there_within_a_second_and_paged_newest_first() {
    let four = Four::start().await;
    four.upstream(Dialect::Chat)
        .always(Dialect::Chat.whole("x", COUNTS));
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(four.gateway.ask(Dialect::Chat).await.id().to_owned());
    }
    let start = std::time::Instant::now();
    four.gateway.record(&ids[6]).await;
    // A second by the contract; twice that for a busy machine.
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    four.gateway.records(7).await;
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/requests?limit=3&token=e2e-chat&model=m&channel=chat{cursor}");
        let page = four.gateway.admin_get(&path).await.is(200).json();
        let items = page["items"].as_array().unwrap().clone();
        paged.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    ids.reverse();
    assert_eq!(paged, ids);
    let none = four
        .gateway
        .admin_get("/api/requests?token=nobody")
        .await
        .json();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn the_admin_is_let_in_by_its_own_key_only() {
    let four = Four::start().await;
    for key in ["", e2e::CALLER_KEY, "e2e-admin-0123456789abcdeX"] {
        let call = Call::get("/api/requests").anonymous();
        let call = if key.is_empty() {
            call
        } else {
            call.header("authorization", &format!("Bearer {key}"))
        };
        let answer = call.send_to(&four.gateway.admin).await;
        assert_eq!(answer.status, 401, "{key:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    let gateway = Call::get("/api/requests").send(&four.gateway).await;
    assert_eq!(
        gateway.status, 404,
        "the admin API is not on the gateway's listener"
    );
}
