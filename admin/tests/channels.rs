//! `/api/channels`: rows beside the files, with sealed keys.

use std::sync::Arc;

use config::health::fingerprint;
use config::seal::Sealer;
use serde_json::{Value, json};

use super::client::{Answer, Api, CONFIG};
use super::leaving::Leaving;

const SECRET: &str = "sk-upstream-0123456789";
const SEAL: &str = "encryption_key: 0123456789abcdef0123456789abcdef\n";

async fn api() -> Api {
    Api::start(&format!("{CONFIG}{SEAL}")).await
}

fn body() -> Value {
    json!({ "name": "second", "provider": "openai", "keys": [SECRET, "sk-other-0123456789"],
        "models": ["gpt-4o"], "headers": { "set": { "x-team": "c2VjcmV0", "openai-beta": "a", "authorization": "Basic c2VjcmV0" } },
        "body": { "default": { "max_tokens": 9, "password": "c2VjcmV0" },
            "set": { "tools": [{ "server_url": "u", "headers": { "x": "c2VjcmV0" }, "AccessToken": "c2VjcmV0" }] } } })
}

async fn second(api: &Api) -> Answer {
    let made = api.send("POST", "/api/channels", &body()).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

fn mask(key: &str) -> String {
    format!("fingerprint:{}", fingerprint(key))
}

/// The keys as they are in the store.
fn sealed(api: &Api) -> Vec<String> {
    let document = api.store.documents().unwrap().remove(0);
    let body: Value = serde_json::from_str(&document.body).unwrap();
    let keys = body["keys"].as_array().unwrap().iter();
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_channel_is_kept_with_sealed_keys_and_shown_without() {
    let api = api().await;
    let made = second(&api).await;
    let settings = &made.json()["settings"];
    assert_eq!(
        settings["keys"],
        json!([mask(SECRET), mask("sk-other-0123456789")])
    );
    assert_eq!(settings["headers"]["set"]["openai-beta"], "a");
    assert_eq!(settings["headers"]["set"]["x-team"], "••••••");
    let tool = json!({ "server_url": "u", "headers": { "x": "••••••" }, "AccessToken": "••••••" });
    let shown =
        json!({ "default": { "max_tokens": 9, "password": "••••••" }, "set": { "tools": [tool] } });
    assert_eq!(settings["body"], shown);
    assert!(sealed(&api).iter().all(|key| Sealer::is_sealed(key)));
    let waiting = api.get("/api/channels/second").await.json();
    assert_eq!(
        (&waiting["up"], &waiting["provider"]),
        (&json!(false), &json!("openai"))
    );

    api.learn();
    let running = api.get("/api/channels/second").await.json();
    assert_eq!(
        (&running["up"], &running["origin"]),
        (&json!(true), &json!("store"))
    );
    assert_eq!(running["keys"][0]["fingerprint"], fingerprint(SECRET));
    assert_eq!(running["settings"], *settings);
    for target in [
        "/api/channels",
        "/api/channels/second",
        "/api/config",
        "/api/audit",
    ] {
        let shown = api.get(target).await;
        assert_eq!(shown.status, 200);
        for secret in [SECRET, "sk-other", "c2VjcmV0", "sealed:v1"] {
            assert!(!shown.body.contains(secret), "{target}: {}", shown.body);
        }
    }
    let all = api.get("/api/channels").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_shown_can_be_sent_back() {
    let api = api().await;
    let made = second(&api).await;
    let before = sealed(&api);
    let mut settings = made.json()["settings"].clone();
    settings["weight"] = json!(7);
    let put = api.send("PUT", "/api/channels/second", &settings).await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(sealed(&api), before);
    let document = api.store.documents().unwrap().remove(0);
    assert!(document.body.contains("Basic c2VjcmV0") && document.body.contains("\"weight\":7"));
    assert_eq!(
        document.body.matches("c2VjcmV0").count(),
        5,
        "each secret is kept"
    );

    settings["keys"] = json!([mask("sk-other-0123456789"), "sk-new-0123456789"]);
    api.send("PUT", "/api/channels/second", &settings).await;
    let after = sealed(&api);
    assert_eq!(after[0], before[1], "found by its fingerprint");
    assert!(Sealer::is_sealed(&after[1]));

    settings.as_object_mut().unwrap().remove("keys");
    api.send("PUT", "/api/channels/second", &settings).await;
    assert_eq!(sealed(&api), after, "left out, they stay");
    let patched = api
        .send(
            "PATCH",
            "/api/channels/second",
            &json!({ "enabled": false }),
        )
        .await;
    assert_eq!(patched.json()["settings"]["enabled"], false, "{patched:?}");
    assert_eq!(sealed(&api), after);

    for (keys, path) in [
        (json!([mask("sk-stranger")]), "keys[0]"),
        (json!([before[0]]), "keys[0]"),
    ] {
        let refused = api
            .send("PATCH", "/api/channels/second", &json!({ "keys": keys }))
            .await;
        assert_eq!(refused.paths(), [path]);
    }
    // Another server must not be sent the secret of this one.
    let mut moved = settings.clone();
    moved["body"]["set"]["tools"][0]["server_url"] = json!("other");
    let refused = api.send("PUT", "/api/channels/second", &moved).await;
    assert_eq!(refused.paths(), ["body.set.tools"]);
    let header = json!({ "headers": { "set": { "x-api-key": "••••••" } } });
    let refused = api.send("PATCH", "/api/channels/second", &header).await;
    assert_eq!(refused.paths(), ["headers.set.x-api-key"]);
}

#[tokio::test]
async fn the_query_of_an_address_is_not_shown() {
    let api = api().await;
    let body = json!({ "name": "whole", "provider": "custom", "formats": ["chat"], "models": ["m"],
        "base_url": "https://h/chat?sig=c2VjcmV0", "exact_url": true, "options": { "auth": "none" } });
    let made = api.send("POST", "/api/channels", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut settings = made.json()["settings"].clone();
    assert_eq!(settings["base_url"], "https://h/chat?••••••");
    settings["weight"] = json!(7);
    let put = api.send("PUT", "/api/channels/whole", &settings).await;
    assert_eq!(put.status, 200, "{put:?}");
    let document = api.store.documents().unwrap().remove(0);
    assert!(document.body.contains("https://h/chat?sig=c2VjcmV0"));
    api.learn();
    for target in [
        "/api/channels",
        "/api/channels/whole",
        "/api/config",
        "/api/audit",
    ] {
        let shown = api.get(target).await;
        assert!(!shown.body.contains("c2VjcmV0"), "{target}: {}", shown.body);
    }
    settings["base_url"] = json!("https://other/chat?••••••");
    let refused = api.send("PUT", "/api/channels/whole", &settings).await;
    assert_eq!(refused.paths(), ["base_url"]);
}

#[tokio::test]
async fn what_is_broken_in_several_places_is_put_right_one_by_one() {
    let api = api().await;
    let lost = Sealer::new([&"ffffffffffffffffffffffffffffffff".into()]).unwrap();
    for name in ["one", "two"] {
        let key = lost.seal(name, SECRET);
        keep(
            &api,
            name,
            &json!({ "provider": "openai", "keys": [key], "models": ["m"] }),
        );
    }
    let more = api.send("POST", "/api/channels", &body()).await;
    assert_eq!(
        more.paths(),
        ["channels.one.keys[0]", "channels.two.keys[0]"]
    );
    let worse = json!({ "keys": [SECRET], "provider": "opnai" });
    let worse = api.send("PATCH", "/api/channels/one", &worse).await;
    worse.problem(422);
    let aside = json!({ "weight": 7 });
    let aside = api.send("PATCH", "/api/channels/one", &aside).await;
    aside.problem(422);

    let repair = json!({ "keys": [SECRET] });
    let repaired = api.send("PATCH", "/api/channels/one", &repair).await;
    assert_eq!(repaired.status, 200, "{repaired:?}");
    let removed = api.send("DELETE", "/api/channels/two", &json!({})).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    api.learn();
    assert!(api.live.is_valid());
}

/// Puts a channel into the store that no call would.
fn keep(api: &Api, name: &str, body: &Value) {
    let now = jiff::Timestamp::now();
    let document = config::rows::Document {
        kind: config::rows::DocumentKind::Channel,
        name: name.into(),
        body: body.to_string(),
        created_at: now,
        updated_at: now,
        revision: 0,
    };
    let change = store::Change::AddDocument(&document);
    let subject = format!("channel:{name}");
    let deed = crate::deed::deed("channel.create", subject, None, None, now);
    api.store.change(change, &deed, now).unwrap();
}

#[tokio::test]
async fn a_channel_that_does_not_compile_is_refused_with_every_reason() {
    let api = api().await;
    let body = json!({ "name": "bad", "provider": "opnai", "keys": [SECRET], "models": ["m"], "wait": 5, "groups": ["gold"] });
    let refused = api.send("POST", "/api/channels", &body).await;
    let paths = refused.paths();
    for path in [
        "channels.bad.provider",
        "channels.bad.wait",
        "channels.bad.groups[0]",
    ] {
        assert!(paths.iter().any(|one| one == path), "{path}: {paths:?}");
    }
    assert!(!refused.body.contains(SECRET), "{}", refused.body);
    for keys in [json!(SECRET), json!([[SECRET]]), json!([{ "key": SECRET }])] {
        let mut body = body.clone();
        body["keys"] = keys;
        let refused = api.send("POST", "/api/channels", &body).await;
        refused.problem(422);
        assert!(!refused.body.contains(SECRET), "{}", refused.body);
    }
    assert!(api.store.documents().unwrap().is_empty());
}

#[tokio::test]
async fn channels_of_the_files_are_read_only() {
    let api = api().await;
    let mut body = body();
    body["name"] = json!("main");
    let detail = api.send("POST", "/api/channels", &body).await.problem(409);
    assert!(detail.contains("files"), "{detail}");
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = api.send(method, "/api/channels/main", &json!({})).await;
        assert!(answer.problem(409).contains("files"));
        let answer = api.send(method, "/api/channels/nobody", &json!({})).await;
        answer.problem(404);
    }
    let shown = api.get("/api/channels/main").await;
    assert_eq!(shown.json()["origin"], "file");
    api.get("/api/channels/nobody").await.problem(404);
}

#[tokio::test]
async fn a_provider_key_needs_an_encryption_key() {
    let api = Api::start(CONFIG).await;
    let refused = api.send("POST", "/api/channels", &body()).await;
    assert_eq!(refused.paths(), ["keys[0]", "keys[1]"]);
    assert!(refused.body.contains("encryption_key"));
    api.send("POST", "/api/encryption/rotate", &json!({}))
        .await
        .problem(409);
}

#[tokio::test]
async fn a_removed_channel_is_gone() {
    let api = api().await;
    let tag = second(&api).await.header("etag").unwrap().to_owned();
    api.send("POST", "/api/channels", &body())
        .await
        .problem(409);
    let stale = api
        .send_with("DELETE", "/api/channels/second", "if-match: \"99\"\r\n", "")
        .await;
    stale.problem(412);
    let meant = format!("if-match: {tag}\r\n");
    assert_eq!(
        api.send_with("DELETE", "/api/channels/second", &meant, "")
            .await
            .status,
        204
    );
    assert!(api.store.documents().unwrap().is_empty());
    let log = api.get("/api/audit?subject=channel:second").await.json();
    assert_eq!(log["items"][0]["action"], "channel.delete");
}

#[tokio::test]
async fn keys_are_sealed_anew_after_the_encryption_key_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.yaml");
    let write =
        |keys: &str| std::fs::write(&path, format!("{CONFIG}encryption_key: {keys}\n")).unwrap();
    write("0123456789abcdef0123456789abcdef");
    let live = config::Live::start(path.clone(), Box::new(|_| None)).unwrap();
    let api = Api::start_with(std::sync::Arc::new(live)).await;
    second(&api).await;
    let before = sealed(&api);
    let rotate = async || {
        api.send("POST", "/api/encryption/rotate", &json!({}))
            .await
            .json()
    };
    assert_eq!(
        (&rotate().await["current"], &rotate().await["resealed"]),
        (&json!(2), &json!(0))
    );

    write("[fedcba9876543210fedcba9876543210, 0123456789abcdef0123456789abcdef]");
    assert_eq!(api.post("/api/reload").await.status, 200);
    let rotated = rotate().await;
    assert_eq!(
        (&rotated["resealed"], &rotated["unopened"]),
        (&json!(2), &json!(0)),
        "{rotated}"
    );
    let after = sealed(&api);
    assert_ne!(before, after);
    let shown = api.get("/api/channels/second").await.json();
    assert_eq!(shown["settings"]["keys"][0], mask(SECRET));

    write("00000000000000001111111111111111");
    let _ = api.post("/api/reload").await;
    let lost = rotate().await;
    assert_eq!(
        (&lost["unopened"], &lost["unopened_channels"]),
        (&json!(2), &json!(["second"]))
    );
    assert_eq!(sealed(&api), after);
}

#[tokio::test]
async fn a_channel_can_be_tested() {
    let api = api().await;
    let tested = api
        .send("POST", "/api/channels/main/test", &json!({ "model": "m" }))
        .await;
    let expected =
        json!({ "ok": false, "status": 404, "latency_ms": 5, "error": "main does not know m" });
    assert_eq!(tested.json(), expected);
    api.send("POST", "/api/channels/main/test", &json!({}))
        .await
        .problem(501);
    api.send("POST", "/api/channels/nobody/test", &json!({}))
        .await
        .problem(404);
    let refused = api
        .send("POST", "/api/channels/main/test", &json!({ "models": 1 }))
        .await;
    assert_eq!(refused.paths(), ["models"]);
}

#[tokio::test]
async fn a_change_is_kept_beside_the_documents_it_was_tried_out_with() {
    let store = Arc::new(Leaving::new(store::open("sqlite::memory:").unwrap()));
    let live = Arc::new(config::Live::from_text(&format!("{CONFIG}{SEAL}"), &|_| None).unwrap());
    let api = Api::start_on(Arc::clone(&store) as Arc<dyn store::Store>, live).await;
    let made = api
        .send("POST", "/api/groups", &json!({ "name": "gold" }))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    // The second reading is what the channel is tried out with.
    store.after_reading(1, |inner| {
        let group = &inner.documents().unwrap()[0];
        let now = jiff::Timestamp::now();
        let deed = crate::deed::deed("group.delete", "group:gold".into(), None, None, now);
        let gone = inner.change(store::Change::RemoveDocument(group), &deed, now);
        assert!(matches!(gone, Ok(store::Changed::Done { .. })), "{gone:?}");
    });
    let body = json!({ "name": "c", "provider": "openai", "keys": [SECRET], "models": ["m"], "groups": ["gold"] });
    let refused = api.send("POST", "/api/channels", &body).await;
    assert_eq!(refused.status, 422, "tried out once more: {refused:?}");
    assert_eq!(api.store.documents().unwrap(), []);
}

#[tokio::test]
async fn what_is_wrong_in_the_store_is_told_and_holds_nothing_up() {
    let api = api().await;
    let broken = json!({ "provider": "custom", "base_url": "http://h", "formats": ["chat"], "models": ["m"],
        "options": { "auth": "none" }, "wait": 5 });
    let mut good = broken.clone();
    good.as_object_mut().unwrap().remove("wait");
    keep(&api, "broken", &broken);
    keep(&api, "good", &good);
    api.learn();
    let shown = api.get("/api/config").await.json();
    assert_eq!(shown["problems"][0]["path"], "channels.broken.wait");
    let names = shown["channels"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main", "spare", "good"]);
    let health = api.get("/api/health").await.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["config"]["rows_unreadable"], 1);
    let broken = api.get("/api/channels/broken").await.json();
    assert_eq!(broken["up"], false);
}
