//! Requests, tokens and concurrency: who is let in, who is told to wait, and what a refusal costs.

use std::time::{Duration, Instant};

use e2e::{Call, Counts, Dialect, Gate, Gateway, Setup, Upstream, altered, channel};
use serde_json::{Value, json};

const KEY: &str = "sk-limited-0123456789";
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway of one chat upstream that always answers, and a key with these limits.
async fn limited(limits: Value, change: Value) -> (Gateway, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", Counts::of(10, 5)));
    let mut setup = Setup::new().with(change);
    for dialect in Dialect::ALL {
        setup = setup.channel(altered(
            channel(dialect.name(), &upstream.url(), dialect),
            json!({ "models": [format!("{}-*", dialect.name())] }),
        ));
    }
    let setup = setup.token(json!({ "name": "limited", "key": KEY, "limits": limits }));
    (Gateway::start(setup).await, upstream)
}

fn ask(dialect: Dialect) -> Call {
    let model = format!("{}-m", dialect.name());
    Call::ask(dialect, &model, false)
        .anonymous()
        .key(dialect, KEY)
}

#[tokio::test]
async fn a_request_over_the_limit_is_told_when_to_come_back_in_its_own_format() {
    for dialect in Dialect::ALL {
        let (gateway, upstream) = limited(json!({ "rpm": 2 }), json!({})).await;
        upstream.always(dialect.whole("x", Counts::of(10, 5)));
        let first = ask(dialect).send(&gateway).await;
        assert_eq!(
            first.is(200).header("x-ratelimit-limit-requests"),
            Some("2")
        );
        assert_eq!(first.header("x-ratelimit-remaining-requests"), Some("1"));
        ask(dialect).send(&gateway).await.is(200);
        let third = ask(dialect).send(&gateway).await;
        let refusal = third.is(429).refusal(dialect);
        let word = match dialect {
            Dialect::Chat | Dialect::Responses => "rate_limit_exceeded",
            Dialect::Messages => "rate_limit_error",
            Dialect::Gemini => "RESOURCE_EXHAUSTED",
        };
        assert!(
            [refusal.kind, refusal.code].contains(&word.to_string()),
            "{dialect:?}"
        );
        let wait: u64 = third.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(third.header("x-ratelimit-remaining-requests"), Some("0"));
        if dialect == Dialect::Messages {
            let reset = third.header("anthropic-ratelimit-requests-reset").unwrap();
            assert!(reset.ends_with('Z'), "{reset}");
        }
        assert_eq!(upstream.calls(), 2, "a refusal asks nobody");
        let record = gateway.record(third.id()).await;
        assert_eq!(
            (&record["end"], &record["status"]),
            (&json!("refused"), &json!(429))
        );
        assert_eq!(record["cost"], json!("0.000000000"));
    }
}

#[tokio::test]
async fn tokens_are_counted_as_they_were_used() {
    let (gateway, upstream) = limited(json!({ "tpm": 1000 }), json!({})).await;
    upstream.then(Dialect::Chat.whole("x", Counts::of(900, 90)));
    let first = ask(Dialect::Chat).send(&gateway).await;
    assert_eq!(
        first.is(200).header("x-ratelimit-limit-tokens"),
        Some("1000")
    );
    gateway.record(first.id()).await;
    ask(Dialect::Chat).send(&gateway).await.is(429);
}

#[tokio::test]
async fn a_request_that_reaches_nobody_uses_nothing_up() {
    let (gateway, _upstream) = limited(json!({ "rpm": 1 }), json!({})).await;
    for _ in 0..3 {
        let unknown = Call::ask(Dialect::Chat, "unknown", false)
            .anonymous()
            .key(Dialect::Chat, KEY);
        unknown.send(&gateway).await.is(404);
        let bad = Call::post(Dialect::Chat, "/v1/chat/completions", "{")
            .anonymous()
            .key(Dialect::Chat, KEY);
        bad.send(&gateway).await.is(400);
    }
    ask(Dialect::Chat).send(&gateway).await.is(200);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_request_ends_or_its_client_leaves() {
    let (gateway, upstream) = limited(json!({ "concurrency": 1 }), json!({})).await;
    for leaves in [false, true] {
        let gate = Gate::new();
        let slow = Dialect::Chat.whole("x", Counts::of(1, 1)).after_gate(&gate);
        upstream.then(slow);
        let seen = upstream.calls();
        let (call, addr) = (ask(Dialect::Chat), gateway.addr.clone());
        let waiting = tokio::spawn(async move { call.send_to(&addr).await });
        upstream.wait_for_calls(seen + 1).await;
        let second = ask(Dialect::Chat).send(&gateway).await;
        assert_eq!(second.is(429).header("retry-after"), Some("1"));
        if leaves {
            waiting.abort();
            gate.open();
        } else {
            gate.open();
            waiting.await.unwrap().is(200);
        }
        // The gateway learns of it a moment later than the client.
        let start = Instant::now();
        while ask(Dialect::Chat).send(&gateway).await.status != 200 {
            assert!(start.elapsed() < PATIENCE, "the place is never free again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn the_strictest_of_key_group_and_model_wins() {
    let change = json!({
        "groups": { "default": { "limits": { "rpm": 2 } } },
        "models": { "chat-*": { "limits": { "rpm": 3 } } },
    });
    let (gateway, _upstream) = limited(json!({ "rpm": 100 }), change).await;
    let first = ask(Dialect::Chat).send(&gateway).await;
    assert_eq!(
        first.is(200).header("x-ratelimit-limit-requests"),
        Some("2")
    );
    let other = Call::ask(Dialect::Chat, "chat-m", false)
        .send(&gateway)
        .await;
    other.is(200);
    let third = ask(Dialect::Chat).send(&gateway).await;
    let words = third.is(429).refusal(Dialect::Chat).message;
    assert!(
        words.contains("2 requests per minute of this group"),
        "{words}"
    );
}

#[tokio::test]
async fn a_shadow_counts_and_lets_everybody_in() {
    let change = json!({ "limits": { "enforce": "shadow" } });
    let (gateway, _upstream) = limited(json!({ "rpm": 1 }), change).await;
    for _ in 0..3 {
        ask(Dialect::Chat).send(&gateway).await.is(200);
    }
    let metrics = gateway.metrics().await;
    let labels = [("scope", "key"), ("kind", "rpm")];
    assert_eq!(metrics.sum("tollgate_limit_shadow_total", &labels), 2.0);
}

#[tokio::test]
async fn two_gateways_on_one_redis_share_a_limit() {
    let redis = servers::Redis::new();
    let change = || json!({ "redis": redis.url() });
    let (one, _first) = limited(json!({ "rpm": 3 }), change()).await;
    let (other, _second) = limited(json!({ "rpm": 3 }), change()).await;
    for (gateway, status) in [
        (&one, 200),
        (&other, 200),
        (&one, 200),
        (&other, 429),
        (&one, 429),
    ] {
        ask(Dialect::Chat).send(gateway).await.is(status);
    }
}

#[tokio::test]
async fn without_redis_limited_callers_go_on_or_wait_as_the_configuration_says() {
    for (away, status) in [("open", 200), ("closed", 503)] {
        let redis = servers::Redis::new();
        let change = json!({
            "redis": redis.url(),
            "limits": { "when_redis_is_away": away },
        });
        let (gateway, _upstream) = limited(json!({ "rpm": 1 }), change).await;
        ask(Dialect::Chat).send(&gateway).await.is(200);
        ask(Dialect::Chat).send(&gateway).await.is(429);
        redis.stop();
        let answer = ask(Dialect::Chat).send(&gateway).await;
        assert_eq!(
            answer.is(status).header("retry-after").is_some(),
            status == 503
        );
        Call::ask(Dialect::Chat, "chat-m", false)
            .send(&gateway)
            .await
            .is(200);
        let metrics = gateway.metrics().await;
        assert_eq!(metrics.sum("tollgate_counters_away_total", &[]), 1.0);
    }
}
