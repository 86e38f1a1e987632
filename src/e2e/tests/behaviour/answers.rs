//! Odd but real answers of upstreams.

use std::time::Duration;

use e2e::{
    Call, Counts, Cut, Dialect, Ended, Framing, Gateway, Reply, Setup, Upstream, altered, channel,
};
use serde_json::json;

use crate::four::Four;

const COUNTS: Counts = Counts::of(3, 2);

#[tokio::test]
async fn a_page_instead_of_an_answer_is_an_upstream_error() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        for stream in [false, true] {
            let page = "<html><body>Please log in at portal.inside.test</body></html>";
            four.upstream(dialect)
                .then(Reply::body(200, "text/html", page));
            let answer = Call::ask(dialect, "m", stream).send(&four.gateway).await;
            assert!(
                matches!(answer.status, 500 | 502),
                "{dialect:?}, stream {stream}: {} {}",
                answer.status,
                answer.text()
            );
            answer.refusal(dialect);
            assert!(!answer.text().contains("portal"), "{}", answer.text());
        }
    }
}

/// Whether head and body come together or apart must not decide what becomes of it.
#[tokio::test]
async fn an_error_inside_a_whole_200_is_the_callers_to_read() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        for apart in [false, true] {
            let body = dialect.fault(200, "not today");
            let reply = match apart {
                true => body.in_bites(20).paced(Duration::from_millis(5)),
                false => body,
            };
            four.upstream(dialect).then(reply);
            let answer = four.gateway.ask(dialect).await;
            let told = answer.is(200).text();
            assert!(told.contains("not today"), "{dialect:?}: {told}");
            let record = four.gateway.record(answer.id()).await;
            let what = format!("{dialect:?}, apart {apart}: {record}");
            assert_eq!(record["end"], "upstream_error", "{what}");
            assert_eq!(record["attempts"], 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_neither_followed_nor_told() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let moved = Reply::status(302).header("location", "http://127.0.0.1:9/elsewhere");
        four.upstream(dialect).then(moved);
        let answer = four.gateway.ask(dialect).await;
        assert!(
            answer.status >= 400,
            "{dialect:?}: {} {}",
            answer.status,
            answer.text()
        );
        assert_eq!(answer.header("location"), None, "{dialect:?}");
        answer.refusal(dialect);
    }
}

#[tokio::test]
async fn a_whole_answer_may_take_longer_than_its_first_byte() {
    for resilient in [true, false] {
        let timers = json!({ "gateway": {
            "first_byte_timeout": "600ms", "idle_timeout": "5s", "resilient_streams": resilient,
        } });
        let upstream = Upstream::start().await;
        let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat).with(timers)).await;
        let slow = Dialect::Chat
            .whole("slowly", COUNTS)
            .in_bites(60)
            .paced(Duration::from_millis(200));
        upstream.then(slow);
        let answer = gateway.ask(Dialect::Chat).await;
        assert_eq!(Dialect::Chat.text_of(&answer.is(200).json()), "slowly");
        assert_eq!(gateway.record(answer.id()).await["end"], "complete");
    }
}

#[tokio::test]
async fn silence_inside_a_whole_answer_ends_it() {
    let timers = json!({ "gateway": { "first_byte_timeout": "10s", "idle_timeout": "400ms" } });
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat).with(timers)).await;
    let half = Dialect::Chat
        .whole(&"word ".repeat(20_000), COUNTS)
        .in_bites(50_000);
    upstream.then(half.stalled_after_pieces(1));
    let mut answer = Call::ask(Dialect::Chat, "m", false).open(&gateway).await;
    let id = answer.id();
    let (ended, _) = answer.whole().await;
    assert!(
        ended == Ended::Broken || answer.status == 504,
        "{ended:?} {}",
        answer.status
    );
    let record = gateway.record(&id).await;
    assert!(
        matches!(
            record["end"].as_str(),
            Some("upstream_cut" | "upstream_error")
        ),
        "{record}"
    );
    upstream.wait_for_hang_up().await;
}

#[tokio::test]
async fn an_upstream_that_compresses_unasked_is_passed_on_as_it_is() {
    let four = Four::start().await;
    let plain = Dialect::Chat.whole("packed", COUNTS).whole_body();
    let packed = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    let reply = Reply::json(200, packed.clone()).header("content-encoding", "gzip");
    four.upstream(Dialect::Chat).then(reply);
    let answer = four.gateway.ask(Dialect::Chat).await;
    answer.is(200);
    // reqwest is built without gzip here: what it shows is what came.
    let unpacked = answer.body[..] == plain[..];
    let as_it_was =
        answer.body[..] == packed[..] && answer.header("content-encoding") == Some("gzip");
    assert!(
        unpacked || as_it_was,
        "body and its coding agree: {:?}",
        answer.headers
    );
    let record = four.gateway.record(answer.id()).await;
    assert_eq!(record["end"], "complete", "{record}");
    assert_ne!(record["usage_source"], "none", "{record}");
}

#[tokio::test]
async fn errors_hidden_in_a_200_are_found_where_the_provider_is_known_for_them() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let known = json!({ "provider": "openrouter", "formats": ["chat"], "priority": 9 });
    let setup = Setup::new()
        .channel(altered(
            channel("first", &first.url(), Dialect::Chat),
            known,
        ))
        .channel(channel("second", &second.url(), Dialect::Chat));
    let gateway = Gateway::start(setup).await;
    first.then(Reply::json(
        200,
        r#"{"error":{"message":"Provider returned error","code":502}}"#,
    ));
    second.then(Dialect::Chat.whole("second", COUNTS));
    let answer = gateway.ask(Dialect::Chat).await;
    assert_eq!(
        Dialect::Chat.text_of(&answer.is(200).json()),
        "second",
        "{}",
        answer.text()
    );
    // A long good answer of the same provider is not harmed by the search.
    let long = "word ".repeat(100_000);
    first.then(
        Dialect::Chat
            .whole(&long, COUNTS)
            .framed(Framing::Chunked)
            .in_bites(9000),
    );
    let answer = gateway.ask(Dialect::Chat).await;
    assert_eq!(Dialect::Chat.text_of(&answer.is(200).json()), long);
}

#[tokio::test]
async fn a_refusal_of_the_model_is_an_answer() {
    let four = Four::start().await;
    let blocked = json!({
        "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" },
        "usageMetadata": { "promptTokenCount": 8, "totalTokenCount": 8 },
    });
    for stream in [false, true] {
        four.upstream(Dialect::Gemini).then(match stream {
            true => Reply::sse([format!("data: {blocked}\n\n")]),
            false => Reply::value(200, &blocked),
        });
        let answer = Call::ask(Dialect::Gemini, "m", stream)
            .send(&four.gateway)
            .await;
        assert!(
            answer.is(200).text().contains("PROHIBITED_CONTENT"),
            "{}",
            answer.text()
        );
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(
            (&record["end"], &record["usage"]["input"]),
            (&json!("complete"), &json!(8)),
            "{record}"
        );
    }
    let refused = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": "refusal", "stop_sequence": null,
        "usage": { "input_tokens": 9, "output_tokens": 1 },
    });
    four.upstream(Dialect::Messages)
        .then(Reply::value(200, &refused));
    let answer = four.gateway.ask(Dialect::Messages).await;
    assert_eq!(answer.is(200).json(), refused);
    assert_eq!(four.gateway.record(answer.id()).await["end"], "complete");
}

#[tokio::test]
async fn an_incomplete_or_failed_response_ends_as_it_says() {
    let four = Four::start().await;
    let upstream = four.upstream(Dialect::Responses);
    let events = |kind: &str, status: &str| {
        let mut events = Dialect::Responses.events(&["one"], COUNTS);
        let last = events.pop().unwrap().replace("response.completed", kind);
        events.push(last.replace(
            r#""status":"completed","tool_choice""#,
            &format!(r#""status":"{status}","tool_choice""#),
        ));
        events
    };
    upstream.then(Reply::sse(events("response.incomplete", "incomplete")));
    let answer = Call::ask(Dialect::Responses, "m", true)
        .send(&four.gateway)
        .await;
    let record = four.gateway.record(answer.id()).await;
    assert_eq!(
        (&record["end"], &record["usage_source"]),
        (&json!("complete"), &json!("provider")),
        "{record}"
    );
    upstream.then(Reply::sse(events("response.failed", "failed")));
    let answer = Call::ask(Dialect::Responses, "m", true)
        .send(&four.gateway)
        .await;
    assert_eq!(
        answer.text().matches("response.failed").count(),
        2,
        "name and type, once: {}",
        answer.text()
    );
    let record = four.gateway.record(answer.id()).await;
    assert_eq!(record["end"], "upstream_error", "{record}");
}

#[tokio::test]
async fn an_enormous_event_passes_whole() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let image = "iVBORw0KGgo".repeat(200_000);
        let events = dialect.events(&["see: ", &image], COUNTS);
        four.upstream(dialect)
            .then(Reply::sse(events.clone()).in_bites(60_000));
        let mut ask = dialect.ask("m", true);
        if dialect == Dialect::Chat {
            ask["stream_options"] = json!({ "include_usage": true });
        }
        let mut stream = Call::json(dialect, "m", true, &ask)
            .open(&four.gateway)
            .await;
        let (ended, body) = stream.whole().await;
        assert_eq!(ended, Ended::Properly);
        assert!(
            body[..] == *events.concat().as_bytes(),
            "{dialect:?}: {} bytes",
            body.len()
        );
        let record = four.gateway.record(&stream.id()).await;
        assert_eq!(
            (&record["end"], &record["usage_source"]),
            (&json!("complete"), &json!("provider")),
            "{dialect:?}"
        );
    }
}

#[tokio::test]
async fn a_cut_inside_an_event_leaves_a_readable_stream() {
    for resilient in [true, false] {
        let four = Four::with(json!({ "gateway": { "resilient_streams": resilient } })).await;
        for dialect in Dialect::ALL {
            let events = dialect.events(&["one ", "two ", "three"], COUNTS);
            let whole: usize = events[..dialect.preamble() + 2]
                .iter()
                .map(String::len)
                .sum();
            let reply = Reply::sse(events).paced(Duration::from_millis(10));
            // In the middle of the third text's event.
            four.upstream(dialect)
                .then(reply.cut_after(whole + 20, Cut::Fin));
            let mut stream = four.gateway.stream(dialect).await;
            let events = stream.rest().await;
            let last = events.last().expect("events");
            assert!(
                dialect.is_fault(&last.json()),
                "{dialect:?}, resilient {resilient}: {}",
                stream.text()
            );
            for event in &events[..events.len() - 1] {
                // The torn event may be shown as it came; no whole one may be spoilt by it.
                assert!(
                    event.data.len() < 40 || event.data.ends_with('}'),
                    "{dialect:?}: {event:?}"
                );
            }
        }
    }
}
