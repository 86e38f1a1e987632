//! A streamed answer is held until its first content, so that what fails before it fails unseen.

use std::time::{Duration, Instant};

use e2e::{Call, Counts, Cut, Dialect, Gate, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

const COUNTS: Counts = Counts::of(3, 2);

struct Pair {
    first: Upstream,
    second: Upstream,
    gateway: Gateway,
}

async fn pair(dialect: Dialect, gateway: Value) -> Pair {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    second.always(dialect.stream(&["sec", "ond"], COUNTS));
    let steady = json!({
        "priority": 10,
        "breaker": { "failures": 1000, "window": "30s", "open": "30s" },
    });
    let setup = Setup::new()
        .channel(altered(channel("first", &first.url(), dialect), steady))
        .channel(channel("second", &second.url(), dialect))
        .with(json!({ "gateway": gateway }));
    Pair {
        first,
        second,
        gateway: Gateway::start(setup).await,
    }
}

/// Everything that can happen to a 200 before its first content.
fn early_failures(dialect: Dialect) -> Vec<(&'static str, Reply)> {
    let good = dialect.stream(&["one", "two"], COUNTS);
    let opening: Vec<String> = dialect.events(&["one"], COUNTS)[..dialect.preamble()].to_vec();
    let mut failing = opening.clone();
    failing.push(dialect.fault_event("Overloaded"));
    let mut failures = vec![
        ("an error as its first content", Reply::sse(failing)),
        ("an error body that is no stream", {
            let body = dialect.fault(200, "Overloaded").whole_body();
            Reply::json(200, body)
        }),
        ("a cut after the head", good.clone().cut_after(0, Cut::Fin)),
        (
            "a reset after the head",
            good.clone()
                .paced(Duration::from_millis(20))
                .cut_after(0, Cut::Rst),
        ),
        ("an end after the head", Reply::sse(Vec::<String>::new())),
        (
            "silence after the head",
            good.clone().stalled_after_pieces(0),
        ),
    ];
    if dialect.preamble() > 0 {
        let pieces = dialect.preamble();
        failures.push((
            "a cut before content",
            good.clone().cut_after_pieces(pieces, Cut::Fin),
        ));
        failures.push((
            "a stall before content",
            good.clone().stalled_after_pieces(pieces),
        ));
        failures.push(("an end before content", Reply::sse(opening)));
    }
    let half = good.whole_body().len().min(40);
    failures.push((
        "a cut inside the first event",
        good.cut_after(half, Cut::Fin),
    ));
    failures
}

#[tokio::test]
async fn what_fails_before_the_first_content_fails_unseen() {
    for dialect in Dialect::ALL {
        let pair = pair(dialect, json!({ "first_byte_timeout": "400ms" })).await;
        for (what, failure) in early_failures(dialect) {
            let calls = pair.second.calls();
            pair.first.then(failure);
            let mut stream = pair.gateway.stream(dialect).await;
            let id = stream.id();
            let events = stream.rest().await;
            let text: String = events
                .iter()
                .map(|event| dialect.delta_of(&event.json()))
                .collect();
            assert_eq!(
                (stream.status, &*text),
                (200, "second"),
                "{dialect:?}, {what}: {}",
                stream.text()
            );
            let expected = dialect.events(&["sec", "ond"], COUNTS);
            let hides_usage = usize::from(dialect == Dialect::Chat);
            assert_eq!(
                events.len(),
                expected.len() - hides_usage,
                "{dialect:?}, {what}: nothing of the first one shows: {}",
                stream.text()
            );
            assert_eq!(pair.second.calls(), calls + 1, "{dialect:?}, {what}");
            let record = pair.gateway.record(&id).await;
            assert_eq!(record["attempts"], 2, "{dialect:?}, {what}: {record}");
            assert_eq!(record["channel"], "second");
        }
    }
}

#[tokio::test]
async fn without_another_candidate_the_failure_has_a_status() {
    for dialect in Dialect::ALL {
        let upstream = Upstream::start().await;
        let steady = json!({ "breaker": { "failures": 1000, "window": "30s", "open": "30s" } });
        let setup = Setup::new()
            .channel(altered(channel("only", &upstream.url(), dialect), steady))
            .with(json!({ "gateway": { "first_byte_timeout": "400ms" } }));
        let gateway = Gateway::start(setup).await;
        for (what, failure) in early_failures(dialect) {
            upstream.always(failure);
            let answer = gateway.stream(dialect).await.answer().await;
            assert!(
                answer.status >= 500,
                "{dialect:?}, {what}: {} {}",
                answer.status,
                answer.text()
            );
            answer.refusal(dialect);
            let silent = what.contains("silence") || what.contains("stall");
            assert_eq!(
                answer.status == 504,
                silent,
                "{dialect:?}, {what}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn the_callers_own_fault_inside_a_200_is_not_tried_elsewhere() {
    let pair = pair(Dialect::Chat, json!({})).await;
    let fault = r#"{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
    pair.first.then(Reply::json(200, fault));
    let answer = pair.gateway.stream(Dialect::Chat).await.answer().await;
    let refusal = answer.is(400).refusal(Dialect::Chat);
    assert_eq!(refusal.code, "context_length_exceeded");
    assert_eq!(pair.second.calls(), 0);
}

#[tokio::test]
async fn a_response_that_fails_by_the_callers_doing_is_a_400_and_harms_nobody() {
    for code in ["invalid_prompt", "image_too_large", "invalid_image_url"] {
        let pair = pair(Dialect::Responses, json!({})).await;
        let failed = json!({ "id": "resp_1", "object": "response", "status": "failed", "output": [],
            "error": { "code": code, "message": "bad prompt" } });
        let event = json!({ "type": "response.failed", "sequence_number": 0, "response": failed });
        pair.first.then(Reply::value(200, &failed));
        let whole = Call::ask(Dialect::Chat, "m", false);
        let answer = whole.send(&pair.gateway).await;
        answer.is(400);
        pair.first.then(Reply::sse([format!(
            "event: response.failed\ndata: {event}\n\n"
        )]));
        let streamed = Call::ask(Dialect::Messages, "m", true);
        let answer = streamed.send(&pair.gateway).await;
        answer.is(400);
        assert_eq!(pair.second.calls(), 0, "{code}: nobody else is asked");
    }
}

#[tokio::test]
async fn a_whole_answer_that_is_none_is_tried_elsewhere() {
    for dialect in Dialect::ALL {
        let pair = pair(dialect, json!({})).await;
        pair.second.always(dialect.whole("fine", COUNTS));
        let whole = dialect.whole("one", COUNTS).whole_body();
        let half = &whole[..whole.len() / 2];
        for (name, reply) in [
            ("no body", Reply::json(200, "")),
            ("half a body", Reply::json(200, half.to_vec())),
            (
                "a cut",
                dialect.whole("one", COUNTS).cut_after(20, Cut::Rst),
            ),
        ] {
            pair.first.then(reply);
            let answer = Call::ask(dialect, "m", false).send(&pair.gateway).await;
            let body = answer.is(200).json();
            assert_eq!(dialect.text_of(&body), "fine", "{dialect:?}: {name}");
            let record = pair.gateway.record(answer.id()).await;
            assert_eq!(record["attempts"], 2, "{dialect:?}: {name}: {record}");
        }
    }
}

#[tokio::test]
async fn tool_calls_reasoning_and_refusals_are_content() {
    let openings = [
        r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"refusal":"no"}"#,
    ];
    let pair = pair(Dialect::Chat, json!({ "first_byte_timeout": "2s" })).await;
    for opening in openings {
        let event = format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{opening},\"finish_reason\":null}}]}}\n\n"
        );
        let gate = Gate::new();
        pair.first.then(
            Reply::sse([
                event.clone(),
                Dialect::Chat.events(&["x"], COUNTS)[1..].concat(),
            ])
            .gated_at(1, &gate),
        );
        let mut stream = pair.gateway.stream(Dialect::Chat).await;
        let first = stream.next().await.unwrap();
        assert_eq!(
            format!("data: {}\n\n", first.data),
            event,
            "it is shown while the rest is awaited"
        );
        gate.open();
        stream.whole().await;
    }
    assert_eq!(pair.second.calls(), 0);
}

#[tokio::test]
async fn a_stream_given_up_for_speed_is_shown_at_once() {
    let pair = pair(Dialect::Chat, json!({ "resilient_streams": false })).await;
    let gate = Gate::new();
    pair.first
        .then(Dialect::Chat.stream(&["x"], COUNTS).gated_at(1, &gate));
    let mut stream = pair.gateway.stream(Dialect::Chat).await;
    let role = stream.next().await.unwrap();
    assert_eq!(
        role.json()["choices"][0]["delta"]["role"],
        "assistant",
        "before any content"
    );
    gate.open();
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, e2e::Ended::Properly);
}

#[tokio::test]
async fn a_long_preamble_is_not_held_for_ever() {
    let pair = pair(Dialect::Chat, json!({})).await;
    let gate = Gate::new();
    // More than the 64 KiB that are held at most.
    let comments: Vec<String> = (0..40)
        .map(|_| format!(": {}\n\n", "x".repeat(2048)))
        .collect();
    let events = comments
        .into_iter()
        .chain(Dialect::Chat.events(&["x"], COUNTS));
    pair.first.then(Reply::sse(events).gated_at(40, &gate));
    let call = Call::ask(Dialect::Chat, "m", true);
    let opening = tokio::time::timeout(Duration::from_secs(10), call.open(&pair.gateway)).await;
    let mut stream = opening.expect("the head comes once more than the bound is held");
    assert_eq!(stream.status, 200);
    gate.open();
    stream.whole().await;
    assert_eq!(pair.second.calls(), 0);
}

#[tokio::test]
async fn silence_after_content_ends_the_stream_with_a_word() {
    for dialect in Dialect::ALL {
        let pair = pair(
            dialect,
            json!({ "first_byte_timeout": "5s", "idle_timeout": "400ms" }),
        )
        .await;
        let stream = dialect.stream(&["one", "two", "three"], COUNTS);
        pair.first
            .then(stream.stalled_after_pieces(dialect.preamble() + 1));
        let start = Instant::now();
        let mut stream = pair.gateway.stream(dialect).await;
        let id = stream.id();
        let (ended, _) = stream.whole().await;
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "the idle timer is its own: {:?}",
            start.elapsed()
        );
        assert_eq!(
            ended,
            e2e::Ended::Properly,
            "{dialect:?}: a last word, not a cut"
        );
        let last = stream.rest().await.pop().expect("events");
        assert!(
            dialect.is_fault(&last.json()),
            "{dialect:?}: {}",
            stream.text()
        );
        let record = pair.gateway.record(&id).await;
        assert_eq!(record["end"], "upstream_cut", "{dialect:?}: {record}");
        assert_eq!(pair.second.calls(), 0);
    }
}

#[tokio::test]
async fn the_first_byte_timer_outlives_slow_streams() {
    let pair = pair(Dialect::Chat, json!({ "first_byte_timeout": "600ms" })).await;
    let texts = ["a", "b", "c", "d", "e", "f"];
    pair.first.then(
        Dialect::Chat
            .stream(&texts, COUNTS)
            .paced(Duration::from_millis(200)),
    );
    let mut stream = pair.gateway.stream(Dialect::Chat).await;
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, e2e::Ended::Properly);
    assert!(
        stream.text().ends_with("data: [DONE]\n\n"),
        "a long stream is no late one: {}",
        stream.text()
    );
}
