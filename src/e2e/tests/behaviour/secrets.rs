//! What must not leave: keys, hosts, accounts, prompts.

use e2e::{Call, Counts, Dialect, Reply};
use serde_json::json;

use crate::four::Four;

const LEAKS: [&str; 8] = [
    "sk-proj-abcdEFGH1234567890",
    "AIzaSyD-1234567890abcdefghijklmnopqrstu",
    "org-AbCdEf123456",
    "proj_AbCdEf123456",
    "ops@customer.example",
    "10.20.30.40",
    "api.inside.example",
    "xai-ABCDEFGHIJKLMNOP1234",
];

#[tokio::test]
async fn an_upstreams_error_is_scrubbed_before_it_is_told() {
    let four = Four::with(json!({ "gateway": { "retries": 0 } })).await;
    for dialect in Dialect::ALL {
        let own = format!("sk-upstream-{}", dialect.name());
        let message = format!("Your limit is 5 per minute. {own} {}", LEAKS.join(" "));
        // 401 last: it takes the key out.
        for status in [400, 404, 429, 500, 503, 401] {
            four.upstream(dialect).then(dialect.fault(status, &message));
            let answer = four.gateway.ask(dialect).await;
            let told = answer.text();
            for leak in LEAKS.into_iter().chain([own.as_str()]) {
                assert!(
                    !told.contains(leak),
                    "{dialect:?} {status}: {leak} in {told}"
                );
            }
            let port = four.upstream(dialect).addr.port().to_string();
            assert!(!told.contains(&port), "{dialect:?} {status}: {told}");
            if matches!(status, 400 | 404) {
                assert!(
                    told.contains("Your limit is 5 per minute."),
                    "its meaning stays: {told}"
                );
            }
        }
    }
    let mut stored = String::new();
    for record in four.gateway.records(20).await {
        stored.push_str(&record.to_string());
    }
    for leak in LEAKS {
        assert!(!stored.contains(leak), "{leak} in the records: {stored}");
        assert!(
            !four.gateway.process.log().contains(leak),
            "{leak} in the log"
        );
    }
}

#[tokio::test]
async fn a_failure_inside_a_stream_is_scrubbed_too() {
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let fault = dialect.fault_event("refused for sk-proj-abcdEFGH1234567890");
        four.upstream(dialect).always(Reply::sse([fault]));
        let answer = Call::ask(dialect, "m", true).send(&four.gateway).await;
        let told = answer.text();
        assert!(
            !told.contains("sk-proj-abcdEFGH1234567890"),
            "{dialect:?}, before content: {told}"
        );
    }
}

#[tokio::test]
async fn a_failure_after_the_first_content_leaves_no_secret_behind() {
    const LEAK: &str = "sk-proj-abcdEFGH1234567890";
    let four = Four::start().await;
    for dialect in Dialect::ALL {
        let mut events =
            dialect.events(&["one ", "two"], Counts::of(3, 2))[..dialect.preamble() + 1].to_vec();
        events.push(dialect.fault_event(&format!("refused for {LEAK}")));
        four.upstream(dialect).then(Reply::sse(events));
        let answer = Call::ask(dialect, "m", true).send(&four.gateway).await;
        let told = answer.text();
        assert!(told.contains("refused for"), "{dialect:?}: {told}");
        assert!(!told.contains(LEAK), "{dialect:?}: {told}");
        let record = four.gateway.record(answer.id()).await;
        assert_eq!(record["end"], "upstream_error", "{dialect:?}: {record}");
        let error = record["error"].as_str().unwrap_or_default();
        assert!(error.contains("refused for"), "{dialect:?}: {record}");
        assert!(!error.contains(LEAK), "{dialect:?}: {record}");
    }
    assert!(!four.gateway.process.log().contains(LEAK));
}

#[tokio::test]
async fn prompts_and_answers_are_not_logged() {
    let four = Four::with(json!({ "log": { "level": "debug" } })).await;
    let secret = "the-launch-code-is-00000000";
    for dialect in Dialect::ALL {
        let mut ask = dialect.ask("m", false).to_string();
        ask = ask.replace("Say hello.", secret);
        four.upstream(dialect)
            .then(dialect.whole(secret, Counts::of(1, 1)));
        let call = Call::post(dialect, &dialect.path("m", false), ask);
        let answer = call.send(&four.gateway).await;
        assert!(answer.is(200).text().contains(secret));
        let record = four.gateway.record(answer.id()).await;
        assert!(!record.to_string().contains(secret), "{record}");
    }
    let log = four.gateway.process.log();
    assert!(!log.contains(secret), "{log}");
    assert!(
        !log.contains(e2e::CALLER_KEY)
            && !log.contains("sk-upstream")
            && !log.contains(e2e::setup::ADMIN_KEY),
        "{log}"
    );
}
