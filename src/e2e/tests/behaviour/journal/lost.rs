//! A request that was under way when its gateway died.

use std::time::Duration;

use e2e::{Call, Counts, Dialect, Gateway, Setup, Upstream};
use serde_json::json;

const COUNTS: Counts = Counts::of(3, 2);

#[tokio::test]
async fn it_pays_for_its_input_and_for_the_output_that_was_noted() {
    let upstream = Upstream::start().await;
    let long = "word ".repeat(1_000);
    let texts = vec![long.as_str(); 12];
    upstream.then(
        Dialect::Chat
            .stream(&texts, COUNTS)
            .stalled_after_pieces(12),
    );
    let setup = Setup::one(&upstream.url(), Dialect::Chat).with(json!({
        "models": { "m": { "price": { "input": 1_000, "output": 1_000 } } },
    }));
    let gateway = Gateway::start(setup).await;
    let mut stream = gateway.stream(Dialect::Chat).await;
    let id = stream.id();
    for _ in 0..11 {
        stream.first_text(Dialect::Chat).await;
    }
    // The last note is written right behind the bytes that the client just got.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let gateway = gateway.killed_and_started_again().await;
    let record = gateway.record(&id).await;
    assert_eq!(record["end"], "gateway_lost", "{record}");
    assert_eq!(record["usage_source"], "estimated", "{record}");
    assert_eq!(
        (&record["status"], &record["channel"]),
        (&json!(200), &json!("main"))
    );
    assert_eq!(record["attempts"], 1, "{record}");
    let input = record["usage"]["input"].as_u64().unwrap();
    let output = record["usage"]["output"].as_u64().unwrap();
    assert!(input > 0, "{record}");
    assert!(
        (4_000..=14_000).contains(&output),
        "about 50 KB of text: {record}"
    );
    let micros = (input + output) * 1_000;
    assert_eq!(
        record["cost"],
        format!("{}.{:06}000", micros / 1_000_000, micros % 1_000_000)
    );
}

#[tokio::test]
async fn a_slow_answer_pays_for_its_output_though_it_is_short() {
    let upstream = Upstream::start().await;
    let texts = ["five words of an answer "; 12];
    let reply = Dialect::Chat.stream(&texts, COUNTS);
    upstream.then(
        reply
            .paced(Duration::from_millis(150))
            .stalled_after_pieces(12),
    );
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    let mut stream = gateway.stream(Dialect::Chat).await;
    let id = stream.id();
    for _ in 0..11 {
        stream.first_text(Dialect::Chat).await;
    }
    let gateway = gateway.killed_and_started_again().await;
    let record = gateway.record(&id).await;
    assert_eq!(record["end"], "gateway_lost", "{record}");
    assert_eq!(record["status"], 200, "{record}");
    assert!(record["first_byte_ms"].is_u64(), "{record}");
    assert!(record["duration_ms"].as_u64().unwrap() > 500, "{record}");
    let output = record["usage"]["output"].as_u64().unwrap();
    assert!((15..=80).contains(&output), "264 bytes or less: {record}");
}

#[tokio::test]
async fn one_that_was_never_answered_pays_for_its_input() {
    let upstream = Upstream::start().await;
    upstream.then(e2e::Reply::silence());
    let setup = Setup::one(&upstream.url(), Dialect::Messages);
    let gateway = Gateway::start(setup).await;
    let addr = gateway.addr.clone();
    let asking = tokio::spawn(async move {
        let call = Call::ask(Dialect::Messages, "m", false).header("x-request-id", "never");
        let client = e2e::call::keeping_client();
        call.try_with(&client, &addr).await.is_err()
    });
    upstream.wait_for_calls(1).await;
    let gateway = gateway.killed_and_started_again().await;
    assert!(asking.await.unwrap(), "the client is cut off");
    let record = gateway.records(1).await.remove(0);
    assert_eq!(record["client_request_id"], "never");
    assert_eq!(record["end"], "gateway_lost", "{record}");
    assert_eq!(record["status"], 503, "{record}");
    assert_eq!(record["operation"], "chat", "{record}");
    assert_eq!(record["upstream_format"], "messages", "{record}");
    assert!(record["usage"]["input"].as_u64().unwrap() > 0, "{record}");
    assert_eq!(record["usage"]["output"], 0, "{record}");
}
