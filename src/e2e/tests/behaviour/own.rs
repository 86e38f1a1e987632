//! What key holders are told of their own key, by the calls that existing tools make.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::{Answer, Call, Counts, Dialect, Gateway, Setup, Upstream, channel};
use serde_json::{Value, json};
use servers::{Kind, Server};
use tokio::task;

/// As the tools want keys: 48 letters and digits.
const KEY: &str = "sk-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL";
const OTHER: &str = "sk-other-0123456789";
const SUBSCRIPTION: &str = "/v1/dashboard/billing/subscription";
const USAGE: &str = "/v1/dashboard/billing/usage";
const TOKEN: &str = "/api/usage/token";
const LOG: &str = "/api/log/token";
/// What was used is told at the latest after this.
const PATIENCE: Duration = Duration::from_secs(10);
/// 0.0003 USD: 150 units of the original's quota.
const COUNTS: Counts = Counts::of(100, 20);

fn setup(upstream: &Upstream) -> Setup {
    Setup::new()
        .channel(channel("main", &upstream.url(), Dialect::Chat))
        .token(json!({
            "name": "bounded", "key": KEY, "budget": 25, "models": ["chat-*"],
            "expires_at": "2099-01-01T00:00:00Z", "limits": { "rpm": 3 },
        }))
        .token(json!({ "name": "plain", "key": OTHER }))
        .with(json!({ "models": { "*": { "price": { "input": 1, "output": 10 } } } }))
}

async fn started() -> (Gateway, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    (Gateway::start(setup(&upstream)).await, upstream)
}

async fn ask(gateway: &Gateway, key: &str) -> Answer {
    let call = Call::ask(Dialect::Chat, "chat-m", false);
    call.key(Dialect::Chat, key).send(gateway).await
}

async fn tell(gateway: &Gateway, path: &str, key: &str) -> Answer {
    let call = Call::get(path).key(Dialect::Chat, key);
    call.header("origin", "https://tool.example")
        .send(gateway)
        .await
}

/// The answer, once it is one that was waited for.
async fn told(gateway: &Gateway, path: &str, key: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = tell(gateway, path, key).await.is(200).json();
        if enough(&answer) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{path}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_three_calls_of_the_key_query_tool_are_answered() {
    let (gateway, _upstream) = started().await;
    for _ in 0..2 {
        ask(&gateway, KEY).await.is(200);
    }
    ask(&gateway, OTHER).await.is(200);

    let answer = tell(&gateway, SUBSCRIPTION, KEY).await;
    assert_eq!(
        answer.is(200).json(),
        json!({
            "object": "billing_subscription", "has_payment_method": true, "soft_limit_usd": 25,
            "hard_limit_usd": 25, "system_hard_limit_usd": 25, "access_until": 4_070_908_800_i64,
        })
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let usage = format!("{USAGE}?start_date=2026-1-1&end_date=2026-4-11");
    let spent = |cents: f64| move |answer: &Value| answer["total_usage"] == json!(cents);
    let answer = told(&gateway, &usage, KEY, spent(0.06)).await;
    assert_eq!(answer, json!({ "object": "list", "total_usage": 0.06 }));

    let path = format!("{LOG}?key={KEY}");
    let answer = Call::get(&path).anonymous().send(&gateway).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let log = answer.is(200).json();
    assert_eq!(
        (&log["success"], &log["message"]),
        (&json!(true), &json!(""))
    );
    let rows = log["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "its own requests alone: {log}");
    for row in rows {
        let expected = json!({
            "type": 2, "token_name": "bounded", "model_name": "chat-m", "quota": 150,
            "prompt_tokens": 100, "completion_tokens": 20, "is_stream": false, "username": "root",
            "group": "default", "content": "",
        });
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&row[member], value, "{member}: {row}");
        }
        assert!(row["created_at"].as_i64().unwrap() > 1_700_000_000);
        assert!(row["use_time"].is_u64());
        let other: Value = serde_json::from_str(row["other"].as_str().unwrap()).unwrap();
        let ratios = [
            "model_ratio",
            "group_ratio",
            "completion_ratio",
            "model_price",
        ];
        assert_eq!(
            ratios.map(|name| other[name].as_f64().unwrap()),
            [0.5, 1.0, 10.0, -1.0]
        );
    }
    assert!(
        !log.to_string().contains("main"),
        "channels are not theirs to know"
    );
}

#[tokio::test]
async fn a_renamed_key_keeps_its_log() {
    let (gateway, _upstream) = started().await;
    let made = json!({ "user": "root", "name": "before" });
    let made = gateway.admin_send("POST", "/api/keys", &made).await.json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    ask(&gateway, key).await.is(200);
    let renamed = json!({ "name": "after" });
    let path = format!("/api/keys/{id}");
    gateway.admin_send("PATCH", &path, &renamed).await.is(200);
    ask(&gateway, key).await.is(200);
    // Somebody else's, who has the old name now.
    let other = json!({ "user": "root", "name": "before" });
    let other = gateway.admin_send("POST", "/api/keys", &other).await.json();
    ask(&gateway, other["key"].as_str().unwrap()).await.is(200);
    let both = |told: &Value| told["data"].as_array().is_some_and(|rows| rows.len() == 2);
    let told = told(&gateway, "/api/log/token", key, both).await;
    let names = [
        &told["data"][0]["token_name"],
        &told["data"][1]["token_name"],
    ];
    assert_eq!(names, ["after", "before"]);
}

#[tokio::test]
async fn a_key_is_told_in_the_originals_own_units() {
    let (gateway, _upstream) = started().await;
    ask(&gateway, KEY).await.is(200);
    let used = |answer: &Value| answer["data"]["total_used"] == 150;
    let answer = told(&gateway, TOKEN, KEY, used).await;
    assert_eq!(
        answer,
        json!({
            "code": true, "success": true, "message": "ok",
            "data": {
                "object": "token_usage", "name": "bounded", "total_granted": 12_500_000,
                "total_used": 150, "total_available": 12_499_850, "unlimited_quota": false,
                "model_limits": { "chat-*": true }, "model_limits_enabled": true,
                "expires_at": 4_070_908_800_i64,
            },
        })
    );
    let answer = tell(&gateway, TOKEN, OTHER).await.is(200).json();
    assert_eq!(answer["data"]["unlimited_quota"], true);
    assert_eq!(answer["data"]["total_used"], 0);
    let answer = tell(&gateway, SUBSCRIPTION, OTHER).await.is(200).json();
    assert_eq!(answer["hard_limit_usd"], 100_000_000);
    assert_eq!(answer["access_until"], 0);
}

#[tokio::test]
async fn every_spelling_of_path_and_key_is_understood() {
    let (gateway, _upstream) = started().await;
    for path in [
        "/dashboard/billing/subscription",
        "/dashboard/billing/usage/",
        "//v1/dashboard/billing/usage",
        "/api/usage/token/",
        "/api/log/token/",
    ] {
        tell(&gateway, path, KEY).await.is(200);
        for name in ["x-api-key", "x-goog-api-key", "api-key", "authorization"] {
            let call = Call::get(path).anonymous().header(name, KEY);
            call.send(&gateway).await.is(200);
        }
        let with_key = format!("{path}?key={KEY}");
        let call = Call::get(&with_key).anonymous();
        call.send(&gateway).await.is(200);
        let head = Call::get(&with_key).method("HEAD").send(&gateway).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let post = Call::get(&with_key).method("POST").send(&gateway).await;
        assert_eq!(post.is(405).header("allow"), Some("GET, HEAD"));
    }
}

#[tokio::test]
async fn strangers_are_told_in_the_envelope_of_the_path() {
    let (gateway, _upstream) = started().await;
    for call in [
        Call::get("").key(Dialect::Chat, "sk-nobody-0123456789"),
        Call::get("").anonymous(),
        // Whatever else it sends, such a tool reads OpenAI's errors.
        Call::get("")
            .anonymous()
            .header("anthropic-version", "2023-06-01"),
    ] {
        for path in [SUBSCRIPTION, USAGE] {
            let answer = call.clone().path(path).send(&gateway).await;
            let error = &answer.is(401).json()["error"];
            assert_eq!(error["code"], "invalid_api_key", "{path}");
            assert_eq!(error["type"], "invalid_request_error", "{path}");
            assert_eq!(answer.header("x-should-retry"), Some("false"));
        }
        for path in [TOKEN, LOG] {
            let answer = call.clone().path(path).send(&gateway).await;
            let said = answer.is(401).json();
            assert_eq!(said["success"], false, "{path}");
            assert!(
                said["message"].as_str().unwrap().contains("API key"),
                "{path}"
            );
            assert_eq!(said.get("data"), None);
        }
    }
}

#[tokio::test]
async fn asking_leaves_no_record_and_uses_up_no_limit() {
    let (gateway, upstream) = started().await;
    for path in [SUBSCRIPTION, USAGE, TOKEN, LOG] {
        for _ in 0..5 {
            tell(&gateway, path, KEY).await.is(200);
        }
    }
    for _ in 0..3 {
        ask(&gateway, KEY).await.is(200);
    }
    let over = ask(&gateway, KEY).await;
    over.is(429);
    tell(&gateway, TOKEN, KEY).await.is(200);
    gateway.record(over.id()).await;
    assert_eq!(gateway.all_records().await.len(), 4);
    assert_eq!(upstream.calls(), 3);

    let all = |answer: &Value| answer["data"].as_array().unwrap().len() == 4;
    let log = told(&gateway, LOG, KEY, all).await;
    let refused = &log["data"][0];
    assert_eq!(
        (&refused["type"], &refused["quota"]),
        (&json!(5), &json!(0))
    );
    assert_ne!(refused["content"], "", "why, in words");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_away_holders_are_told_to_come_back() {
    let server = task::spawn_blocking(|| Server::new(Kind::Postgres));
    let server = Arc::new(server.await.unwrap());
    let upstream = Upstream::start().await;
    let store = json!({ "store": server.database() });
    let gateway = Gateway::start(setup(&upstream).with(store)).await;
    tell(&gateway, USAGE, KEY).await.is(200);
    let away = Arc::clone(&server);
    task::spawn_blocking(move || away.stop()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    let answer = tell(&gateway, USAGE, KEY).await;
    assert!(start.elapsed() < PATIENCE, "nobody waits longer than 5 s");
    assert_eq!(answer.is(503).json()["error"]["type"], "upstream_error");
    assert!(answer.header("retry-after").is_some());
    let answer = tell(&gateway, LOG, KEY).await;
    assert_eq!(answer.is(503).json()["success"], false);
    assert!(answer.header("retry-after").is_some());
    // What needs no store is told all the same.
    tell(&gateway, SUBSCRIPTION, KEY).await.is(200);
}
