//! A stream broken at every place: what the client can tell and what the record says agree.

use e2e::{Call, Counts, Cut, Dialect, Ended, Gateway, Reply, Setup, Upstream, altered, channel};
use serde_json::json;

const COUNTS: Counts = Counts::of(30, 7);
/// Prime, so that cuts fall before, in and after every kind of token.
const STEP: usize = 41;

async fn house(dialect: Dialect, resilient: bool) -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let steady = json!({ "breaker": { "failures": 1000, "window": "1s", "open": "1s" } });
    let setup = Setup::new()
        .channel(altered(channel("main", &upstream.url(), dialect), steady))
        .with(json!({ "gateway": { "resilient_streams": resilient } }));
    (upstream, Gateway::start(setup).await)
}

/// Whether a client of that format knows from these events that the answer is whole.
fn is_whole(dialect: Dialect, data: &[String]) -> bool {
    let sign = match dialect {
        Dialect::Chat => r#""finish_reason":"stop""#,
        Dialect::Responses => r#""type":"response.completed""#,
        // What follows the reason to stop adds nothing.
        Dialect::Messages => r#""stop_reason":"end_turn""#,
        Dialect::Gemini => r#""finishReason":"STOP""#,
    };
    let complete = |data: &&String| data.ends_with('}') && data.contains(sign);
    data.iter().filter(complete).count() == 1
}

#[tokio::test]
async fn every_cut_is_told_or_harmless() {
    for resilient in [true, false] {
        for dialect in Dialect::ALL {
            let (upstream, gateway) = house(dialect, resilient).await;
            let stream = dialect.stream(&["one ", "two"], COUNTS);
            let length = stream.whole_body().len();
            for at in (0..length).step_by(STEP) {
                let cut = if at % 2 == 0 { Cut::Fin } else { Cut::Rst };
                let what =
                    format!("{dialect:?}, resilient {resilient}, {cut:?} after {at} of {length}");
                upstream.then(stream.clone().cut_after(at, cut));
                let mut got = gateway.stream(dialect).await;
                let id = got.id();
                let record = if got.status == 200 {
                    let data: Vec<String> = got
                        .rest()
                        .await
                        .into_iter()
                        .map(|event| event.data)
                        .collect();
                    assert_eq!(
                        got.whole().await.0,
                        Ended::Properly,
                        "{what}: {}",
                        got.text()
                    );
                    let fault = data.last().and_then(|last| serde_json::from_str(last).ok());
                    let fault = fault.is_some_and(|last| dialect.is_fault(&last));
                    let whole = is_whole(dialect, &data);
                    assert!(
                        fault || whole,
                        "{what}: neither whole nor told: {}",
                        got.text()
                    );
                    let record = gateway.record(&id).await;
                    let complete = record["end"] == "complete";
                    assert!(!complete || whole, "{what}: {record}\n{}", got.text());
                    assert!(!fault || !complete, "{what}: {record}\n{}", got.text());
                    record
                } else {
                    let answer = got.answer().await;
                    answer.refusal(dialect);
                    gateway.record(&id).await
                };
                assert_ne!(record["end"], "client_gone", "{what}: {record}");
            }
            let asked = length.div_ceil(STEP);
            assert_eq!(
                upstream.calls(),
                asked,
                "one attempt each: there is no other candidate"
            );
        }
    }
}

#[tokio::test]
async fn a_client_may_leave_at_any_time_and_every_request_has_one_record() {
    for resilient in [true, false] {
        let dialect = Dialect::Messages;
        let (upstream, gateway) = house(dialect, resilient).await;
        let pace = std::time::Duration::from_millis(5);
        upstream.always(
            dialect
                .stream(&["one ", "two ", "three ", "four"], COUNTS)
                .paced(pace),
        );
        let mut running = tokio::task::JoinSet::new();
        for n in 0..40u64 {
            let addr = gateway.addr.clone();
            running.spawn(async move {
                let call = Call::ask(dialect, "m", true);
                let patience = std::time::Duration::from_millis(n * 2);
                tokio::time::timeout(patience, call.send_to(&addr))
                    .await
                    .ok();
            });
        }
        while running.join_next().await.is_some() {}
        gateway.metric_is("tollgate_in_flight", &[], 0.0).await;
        // Who left before its request was read leaves no trace; everyone else leaves one.
        let calls = upstream.calls();
        let records = gateway.records(calls).await;
        for record in &records {
            let end = record["end"].as_str().unwrap_or_default();
            assert!(matches!(end, "complete" | "client_gone"), "{record}");
            assert_eq!(
                record["status"],
                if end == "complete" { 200 } else { 499 },
                "{record}"
            );
        }
        let ids: std::collections::HashSet<_> = records
            .iter()
            .map(|record| record["id"].to_string())
            .collect();
        assert_eq!(ids.len(), records.len(), "none twice");
        upstream.always(Reply::status(500));
    }
}

/// Bits of the request go wrong instead: every prefix of a good body is refused or cut, and
/// nothing of it is ever sent upstream.
#[tokio::test]
async fn a_torn_request_goes_nowhere() {
    let (upstream, gateway) = house(Dialect::Chat, true).await;
    let body = Dialect::Chat.ask("m", false).to_string();
    for at in (0..body.len()).step_by(3) {
        let call = Call::post(Dialect::Chat, "/v1/chat/completions", body[..at].to_owned());
        let answer = call.send(&gateway).await;
        assert_eq!(answer.status, 400, "{}: {}", &body[..at], answer.text());
    }
    assert_eq!(upstream.calls(), 0);
}
