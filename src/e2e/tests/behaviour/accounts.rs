//! Users, keys and channels of the store: made over the admin API, used at once, on every node.

use std::process::Command;
use std::time::{Duration, Instant};

use e2e::{Answer, Call, Counts, Dialect, Gateway, Setup, Upstream, channel, process};
use serde_json::{Value, json};
use servers::{Kind, Server};
use tokio::task;

/// The promise is a second; a loaded machine gets more before a test gives up.
const KNOWN: Duration = Duration::from_secs(5);
const COUNTS: Counts = Counts::of(100, 20);
/// Of an answer of `COUNTS`.
const COST: &str = "0.000300000";

/// One priced channel of group default, and no more callers than the suite's own.
async fn upstream() -> (Upstream, Setup) {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let setup = Setup::one(&upstream.url(), Dialect::Chat).with(json!({
        "billing": { "hold_output": 50 },
        "encryption_key": "a secret of the operator's",
        "models": { "m": { "price": { "input": 1, "output": 10 } } },
        "groups": { "vip": { "ratio": 0.5, "usable_by": ["gold"] } },
        "group_ratios": { "gold": { "default": 2 } },
    }));
    (upstream, setup)
}

async fn made(gateway: &Gateway, path: &str, body: Value) -> Value {
    let answer = gateway.admin_send("POST", path, &body).await;
    assert!(
        (200..300).contains(&answer.status),
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// A user with money, and a key.
async fn alice(gateway: &Gateway, money: &str) -> String {
    made(gateway, "/api/users", json!({ "name": "alice" })).await;
    let entry = json!({ "kind": "top_up", "amount": money, "note": "invoice 1" });
    made(gateway, "/api/users/alice/entries", entry).await;
    let key = made(
        gateway,
        "/api/keys",
        json!({ "user": "alice", "name": "laptop" }),
    )
    .await;
    key["key"].as_str().unwrap().to_owned()
}

async fn ask(gateway: &Gateway, key: &str) -> Answer {
    let call = Call::ask(Dialect::Chat, "m", false);
    call.key(Dialect::Chat, key).send(gateway).await
}

/// Asks until the answer has that status; returns it and how long that took.
async fn ask_until(gateway: &Gateway, key: &str, status: u16) -> (Answer, Duration) {
    let start = Instant::now();
    loop {
        let answer = ask(gateway, key).await;
        if answer.status == status {
            return (answer, start.elapsed());
        }
        assert!(
            start.elapsed() < KNOWN,
            "{} {}",
            answer.status,
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn verified(gateway: &Gateway) {
    let mut command = Command::new(process::tollgate());
    command.args(["ledger", "verify", "--config", "tollgate.yaml"]);
    let done = command.current_dir(gateway.folder.path()).output().unwrap();
    let words = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{words}");
}

#[tokio::test]
async fn a_user_is_made_pays_and_is_refused_without_money() {
    let (upstream, setup) = upstream().await;
    let gateway = Gateway::start(setup).await;
    let key = alice(&gateway, "0.002").await;
    // Known at once where it was made.
    let first = ask(&gateway, &key).await;
    let record = gateway.record(first.is(200).id()).await;
    assert_eq!(
        (&record["user"], &record["token"]),
        (&json!("alice"), &json!("laptop"))
    );
    assert_eq!(record["cost"], COST);

    let mut answered = 1;
    let refused = loop {
        let answer = ask(&gateway, &key).await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
        gateway.record(answer.id()).await;
    };
    let refusal = refused.is(429).refusal(Dialect::Chat);
    assert_eq!(&*refusal.code, "insufficient_quota", "{}", refused.text());
    assert!(refused.text().contains("balance"), "{}", refused.text());
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(
        upstream.calls(),
        answered,
        "a refused request reaches nobody"
    );

    let entry = json!({ "id": "pay-2", "kind": "top_up", "amount": 1, "note": "" });
    for _ in 0..2 {
        made(&gateway, "/api/users/alice/entries", entry.clone()).await;
    }
    ask_until(&gateway, &key, 200).await;
    let balance = gateway.admin_get("/api/users/alice").await.json()["balance"].clone();
    assert_eq!(
        balance["credited"], "1.002000000",
        "twice sent is once paid: {balance}"
    );
    verified(&gateway);
}

#[tokio::test]
async fn a_key_is_rotated_disabled_and_deleted() {
    let (_upstream, setup) = upstream().await;
    let gateway = Gateway::start(setup).await;
    let key = alice(&gateway, "1").await;
    ask(&gateway, &key).await.is(200);
    let keys = gateway.admin_get("/api/keys?user=alice").await.json();
    let path = format!("/api/keys/{}", keys["items"][0]["id"].as_str().unwrap());
    let rotated = made(
        &gateway,
        &format!("{path}/rotate"),
        json!({ "overlap": "2s" }),
    )
    .await;
    let new = rotated["key"].as_str().unwrap();
    ask(&gateway, new).await.is(200);
    ask(&gateway, &key).await.is(200);
    ask_until(&gateway, &key, 401).await;

    gateway
        .admin_send("PATCH", &path, &json!({ "enabled": false }))
        .await
        .is(200);
    let disabled = ask(&gateway, new).await;
    let unknown = ask(&gateway, "sk-nobody-0123456789").await;
    assert_eq!(
        disabled.is(401).text(),
        unknown.text().replace(unknown.id(), disabled.id())
    );
    gateway
        .admin_send("PATCH", &path, &json!({ "enabled": true }))
        .await
        .is(200);
    ask(&gateway, new).await.is(200);
    gateway
        .admin_send("PATCH", "/api/users/alice", &json!({ "enabled": false }))
        .await
        .is(200);
    ask(&gateway, new).await.is(401);
    gateway
        .admin_send("PATCH", "/api/users/alice", &json!({ "enabled": true }))
        .await
        .is(200);
    ask(&gateway, new).await.is(200);
    gateway.admin_send("DELETE", &path, &json!({})).await;
    ask(&gateway, new).await.is(401);
}

#[tokio::test]
async fn groups_are_used_by_their_users_at_their_ratio() {
    let (upstream, setup) = upstream().await;
    let vip = e2e::altered(
        channel("vip", &upstream.url(), Dialect::Chat),
        json!({ "groups": ["vip"], "models": ["m"] }),
    );
    let gateway = Gateway::start(setup.channel(vip)).await;
    let plain = alice(&gateway, "1").await;
    made(
        &gateway,
        "/api/users",
        json!({ "name": "bob", "group": "gold", "unlimited": true }),
    )
    .await;
    let gold = json!({ "user": "bob", "name": "vip", "group": "vip" });
    let gold = made(&gateway, "/api/keys", gold).await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let dear = json!({ "user": "bob", "name": "plain", "group": "default" });
    let dear = made(&gateway, "/api/keys", dear).await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let not_hers = json!({ "user": "alice", "name": "vip", "group": "vip" });
    let refused = gateway.admin_send("POST", "/api/keys", &not_hers).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    for (key, group, cost) in [
        (&plain, "default", "0.000300000"),
        (&gold, "vip", "0.000150000"),
        (&dear, "default", "0.000600000"),
    ] {
        let answer = ask(&gateway, key).await;
        let record = gateway.record(answer.is(200).id()).await;
        assert_eq!(
            (&record["group"], &record["cost"]),
            (&json!(group), &json!(cost))
        );
    }
    // Moved out of its group, its key for that group finds nothing any more.
    gateway
        .admin_send("PATCH", "/api/users/bob", &json!({ "group": "default" }))
        .await
        .is(200);
    ask(&gateway, &gold).await.is(404);
}

#[tokio::test]
async fn a_user_has_limits_over_all_its_keys() {
    let (_upstream, setup) = upstream().await;
    let gateway = Gateway::start(setup).await;
    let one = alice(&gateway, "1").await;
    let limits = json!({ "limits": { "rpm": 3 } });
    gateway
        .admin_send("PATCH", "/api/users/alice", &limits)
        .await
        .is(200);
    let two = json!({ "user": "alice", "name": "other" });
    let two = made(&gateway, "/api/keys", two).await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    for key in [&one, &two, &one] {
        ask(&gateway, key).await.is(200);
    }
    let refused = ask(&gateway, &two).await;
    assert!(
        refused.is(429).text().contains("this user"),
        "{}",
        refused.text()
    );
}

/// What the files have no place for any more is left out by name, and nothing else.
#[tokio::test]
async fn a_gateway_that_starts_beside_a_broken_channel_has_the_others() {
    let (_upstream, setup) = upstream().await;
    let other = Upstream::saying(Dialect::Chat.whole("from the store", COUNTS)).await;
    let without = setup.text();
    let gateway = Gateway::start(setup.with(json!({ "groups": { "pro": { "ratio": 1 } } }))).await;
    let mut row = json!({
        "name": "added", "provider": "custom", "base_url": other.url(), "formats": ["chat"],
        "models": ["m"], "priority": 9, "options": { "auth": "none" },
    });
    made(&gateway, "/api/channels", row.clone()).await;
    row["name"] = json!("needs");
    row["groups"] = json!(["pro"]);
    made(&gateway, "/api/channels", row).await;

    gateway.rewrite(&without);
    gateway.metric_is("tollgate_config_valid", &[], 0.0).await;
    let running = gateway.admin_get("/api/channels/needs").await.json();
    assert_eq!(
        running["up"], true,
        "files do not take a running channel away"
    );
    let gateway = gateway.killed_and_started_again().await;
    let answer = Call::ask(Dialect::Chat, "m", false).send(&gateway).await;
    let text = answer.is(200).text();
    assert!(text.contains("from the store"), "{text}");
    gateway
        .metric_is("tollgate_rows_unreadable", &[], 1.0)
        .await;
    gateway.metric_is("tollgate_config_valid", &[], 0.0).await;
    let config = gateway.admin_get("/api/config").await.json();
    assert_eq!(config["problems"][0]["path"], "channels.needs.groups[0]");
    gateway
        .admin_send("DELETE", "/api/channels/needs", &json!({}))
        .await
        .is(204);
    gateway
        .metric_is("tollgate_rows_unreadable", &[], 0.0)
        .await;
    gateway.metric_is("tollgate_config_valid", &[], 1.0).await;
}

#[tokio::test]
async fn a_channel_of_the_store_answers_and_its_key_is_sealed() {
    const SECRET: &str = "sk-provider-secret-0123456789";
    let (_upstream, setup) = upstream().await;
    let other = Upstream::start().await;
    other.always(Dialect::Chat.whole("from the store", COUNTS));
    let gateway = Gateway::start(setup).await;
    let row = json!({
        "name": "added", "provider": "custom", "base_url": other.url(), "formats": ["chat"],
        "keys": [SECRET], "models": ["m"], "priority": 9,
    });
    made(&gateway, "/api/channels", row.clone()).await;
    let again = gateway.admin_send("POST", "/api/channels", &row).await;
    assert_eq!(again.status, 409, "{}", again.text());
    let answer = Call::ask(Dialect::Chat, "m", false).send(&gateway).await;
    assert!(
        answer.is(200).text().contains("from the store"),
        "{}",
        answer.text()
    );
    let sent = other.only_request();
    assert_eq!(
        sent.header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );

    let tested = made(
        &gateway,
        "/api/channels/added/test",
        json!({ "model": "m" }),
    )
    .await;
    assert_eq!(
        (&tested["ok"], &tested["status"]),
        (&json!(true), &json!(200)),
        "{tested}"
    );
    other.always(Dialect::Chat.fault(500, "broken"));
    let tested = made(&gateway, "/api/channels/added/test", json!({})).await;
    assert_eq!(
        (&tested["ok"], &tested["status"]),
        (&json!(false), &json!(500)),
        "{tested}"
    );

    for file in ["tollgate.db", "tollgate.db-wal"] {
        let bytes = std::fs::read(gateway.folder.path().join(file)).unwrap_or_default();
        let found = bytes
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes());
        assert!(!found, "the provider's key lies open in {file}");
    }
    for path in [
        "/api/channels",
        "/api/channels/added",
        "/api/config",
        "/api/audit",
    ] {
        let shown = gateway.admin_get(path).await;
        assert!(!shown.is(200).text().contains(SECRET), "{path}");
    }
    // It outlives its process, and goes as it came.
    let gateway = gateway.killed_and_started_again().await;
    other.always(Dialect::Chat.whole("from the store", COUNTS));
    let answer = Call::ask(Dialect::Chat, "m", false).send(&gateway).await;
    assert!(
        answer.is(200).text().contains("from the store"),
        "{}",
        answer.text()
    );
    gateway
        .admin_send("DELETE", "/api/channels/added", &json!({}))
        .await;
    let answer = Call::ask(Dialect::Chat, "m", false).send(&gateway).await;
    assert!(
        !answer.is(200).text().contains("from the store"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_knows_within_a_second() {
    let server = task::spawn_blocking(|| Server::new(Kind::Postgres))
        .await
        .unwrap();
    let (_upstream, setup) = upstream().await;
    let setup = setup.with(json!({ "store": server.database() }));
    let (one, two) = (
        Gateway::start(setup.clone()).await,
        Gateway::start(setup).await,
    );
    let key = alice(&one, "1").await;
    let (_, took) = ask_until(&two, &key, 200).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    one.admin_send("PATCH", "/api/users/alice", &json!({ "enabled": false }))
        .await
        .is(200);
    let (_, took) = ask_until(&two, &key, 401).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}
