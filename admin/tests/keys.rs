//! `/api/keys`: shown once, found by hash, rotated with an overlap.

use std::sync::Arc;

use config::Live;
use config::snapshot::AUTO;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::Store;

use super::client::{Answer, Api, CONFIG};
use super::leaving::Leaving;
use super::users::alice;

async fn api() -> Api {
    let tokens = "tokens:\n  - { name: ci, key: sk-ci-0123456789, budget: 2, models: ['gpt-4o*'] }\n  - { name: aa, key: sk-aa-0123456789 }\n";
    let api = Api::start(&format!("{CONFIG}{tokens}")).await;
    alice(&api).await;
    api
}

async fn laptop(api: &Api) -> Answer {
    let body = json!({ "user": "alice", "name": "laptop", "budget": 25.5, "models": ["gpt-4o*"],
        "allow_ips": ["10.0.0.0/8"], "expires_at": "2099-01-01T00:00:00Z", "limits": { "rpm": 5 } });
    let made = api.send("POST", "/api/keys", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

fn secret(answer: &Answer) -> String {
    answer.json()["key"].as_str().unwrap().to_owned()
}

fn works(api: &Api, key: &str, now: Timestamp) -> bool {
    api.learn();
    let hash = Sha256::digest(key.as_bytes()).into();
    api.live.directory().caller(&hash, now).is_some()
}

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let api = api().await;
    let made = laptop(&api).await;
    let (key, json) = (secret(&made), made.json());
    assert_eq!((key.len(), &key[..3]), (51, "sk-"));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!(json["hint"], format!("{}…{}", &key[..7], &key[47..]));
    assert_eq!(
        (&json["budget"], &json["left"]),
        (&json!("25.500000000"), &json!("25.500000000"))
    );
    assert_eq!(
        (&json["origin"], &json["user"]),
        (&json!("store"), &json!("alice"))
    );
    assert!(works(&api, &key, Timestamp::now()));

    let id = json["id"].as_str().unwrap();
    for target in [&*format!("/api/keys/{id}"), "/api/keys", "/api/audit"] {
        let shown = api.get(target).await;
        assert_eq!(shown.status, 200);
        assert!(!shown.body.contains(&key[10..40]), "{target}");
    }
    let shown = api.get(&format!("/api/keys/{id}")).await.json();
    assert_eq!(shown.get("key"), None);
    assert_eq!(shown["expires_at"], "2099-01-01T00:00:00Z");

    let same = json!({ "user": "alice", "name": "laptop" });
    api.send("POST", "/api/keys", &same).await.problem(409);
    let of_root = api
        .send("POST", "/api/keys", &json!({ "name": "laptop" }))
        .await;
    assert_eq!(
        (of_root.status, &of_root.json()["user"]),
        (201, &json!("root"))
    );
    assert!(works(&api, &secret(&of_root), Timestamp::now()));
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said_at_once() {
    let api = api().await;
    let body = json!({ "user": "alice", "name": " x", "budget": "much", "allow_ips": ["300.1.1.1"],
        "models": [], "expires_at": "soon", "keys": 1 });
    let paths = api.send("POST", "/api/keys", &body).await.paths();
    for path in [
        "name",
        "budget",
        "allow_ips[0]",
        "models",
        "expires_at",
        "keys",
    ] {
        assert!(paths.iter().any(|one| one == path), "{path}: {paths:?}");
    }
    let stranger = json!({ "user": "nobody", "name": "x" });
    assert_eq!(
        api.send("POST", "/api/keys", &stranger).await.paths(),
        ["user"]
    );
    let group = json!({ "user": "alice", "name": "x", "group": "gold" });
    assert_eq!(
        api.send("POST", "/api/keys", &group).await.paths(),
        ["group"]
    );
    let auto = json!({ "user": "alice", "name": "x", "group": AUTO });
    let refused = api.send("POST", "/api/keys", &auto).await;
    assert_eq!(refused.paths()[0], "group", "{refused:?}");
}

#[tokio::test]
async fn keys_of_the_files_are_listed_first_and_cannot_be_changed() {
    let api = api().await;
    let id = laptop(&api).await.json()["id"].clone();
    let list = api.get("/api/keys").await.json();
    let items = list["items"].as_array().unwrap();
    let ids: Vec<&Value> = items.iter().map(|key| &key["id"]).collect();
    assert_eq!(ids, [&json!("yaml:aa"), &json!("yaml:ci"), &id]);
    assert_eq!(items[1]["origin"], "file");
    assert_eq!(
        (&items[1]["hint"], &items[1]["budget"]),
        (&Value::Null, &json!("2.000000000"))
    );
    assert_eq!(items[1]["models"], json!(["gpt-4o*"]));
    let of_alice = api.get("/api/keys?user=alice").await.json();
    assert_eq!(of_alice["items"].as_array().unwrap().len(), 1);
    let of_root = api.get("/api/keys?user=root").await.json();
    assert_eq!(of_root["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        api.get("/api/keys/yaml:ci").await.json()["left"],
        "2.000000000"
    );
    for method in ["PATCH", "DELETE"] {
        let detail = api
            .send(method, "/api/keys/yaml:ci", &json!({}))
            .await
            .problem(409);
        assert!(detail.contains("files"), "{detail}");
    }
    api.send("POST", "/api/keys/yaml:ci/rotate", &json!({}))
        .await
        .problem(409);
    api.get("/api/keys/yaml:none").await.problem(404);
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let api = api().await;
    for n in 0..5 {
        let body = json!({ "user": "alice", "name": format!("key {n}") });
        api.send("POST", "/api/keys", &body).await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let target = format!("/api/keys?limit=2&user=alice&cursor={cursor}");
        let page = api.get(&target).await.json();
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|key| key["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["key 0", "key 1", "key 2", "key 3", "key 4"]);
}

#[tokio::test]
async fn a_patched_key_keeps_what_is_not_named() {
    let api = api().await;
    let made = laptop(&api).await.json();
    let target = format!("/api/keys/{}", made["id"].as_str().unwrap());
    let patch = json!({ "name": "desk", "budget": null, "enabled": false });
    let changed = api.send("PATCH", &target, &patch).await.json();
    assert_eq!(
        (&changed["name"], &changed["budget"]),
        (&json!("desk"), &Value::Null)
    );
    assert_eq!(
        (&changed["left"], &changed["enabled"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(changed["models"], json!(["gpt-4o*"]));
    assert_eq!(changed["hint"], made["hint"]);
    let moved = api.send("PATCH", &target, &json!({ "user": "root" })).await;
    assert_eq!(moved.paths(), ["user"]);

    api.send(
        "POST",
        "/api/keys",
        &json!({ "user": "alice", "name": "taken" }),
    )
    .await;
    api.send("PATCH", &target, &json!({ "name": "taken" }))
        .await
        .problem(409);
    let stale = api
        .send_with("PATCH", &target, "if-match: \"1\"\r\n", "{}")
        .await;
    stale.problem(412);
}

#[tokio::test]
async fn a_rotated_key_goes_on_for_its_overlap() {
    let api = api().await;
    let made = laptop(&api).await;
    let target = format!("/api/keys/{}/rotate", made.json()["id"].as_str().unwrap());
    let rotated = api.send("POST", &target, &json!({ "overlap": "1h" })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let (old, new) = (secret(&made), secret(&rotated));
    assert_ne!(old, new);
    let now = Timestamp::now();
    let later = now + jiff::SignedDuration::from_mins(61);
    assert!(works(&api, &new, now) && works(&api, &new, later));
    assert!(works(&api, &old, now), "until its overlap ends");
    assert!(!works(&api, &old, later));
    let until: Timestamp = rotated.json()["previous_until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3590..=3600).contains(&until.duration_since(now).as_secs()));

    let again = secret(&api.send_with("POST", &target, "", "").await);
    assert!(works(&api, &again, now));
    assert!(
        !works(&api, &new, now) && !works(&api, &old, now),
        "without overlap, at once"
    );
    for overlap in ["31d", "soon", "-1h", ""] {
        let refused = api
            .send("POST", &target, &json!({ "overlap": overlap }))
            .await;
        assert_eq!(refused.paths(), ["overlap"], "{overlap}");
    }
}

#[tokio::test]
async fn a_deleted_key_is_refused_and_its_name_is_free() {
    let api = api().await;
    let made = laptop(&api).await;
    let target = format!("/api/keys/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(api.send("DELETE", &target, &json!({})).await.status, 204);
    assert!(!works(&api, &secret(&made), Timestamp::now()));
    api.get(&target).await.problem(404);
    assert_ne!(laptop(&api).await.json()["id"], made.json()["id"]);
}

#[tokio::test]
async fn a_new_key_is_shown_whatever_becomes_of_the_store() {
    let store = Arc::new(Leaving::new(store::open("sqlite::memory:").unwrap()));
    let live = Arc::new(Live::from_text(CONFIG, &|_| None).unwrap());
    let api = Api::start_on(Arc::clone(&store) as Arc<dyn Store>, live).await;
    let made = api
        .send("POST", "/api/keys", &json!({ "name": "laptop" }))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(works(&api, &secret(&made), Timestamp::now()));
    store.back();

    let id = made.json()["id"].as_str().unwrap().to_owned();
    let rotate = format!("/api/keys/{id}/rotate");
    let rotated = api.send("POST", &rotate, &json!({})).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert!(works(&api, &secret(&rotated), Timestamp::now()));

    let refused = api.send("POST", &rotate, &json!({})).await;
    refused.problem(503);
    assert!(
        works(&api, &secret(&rotated), Timestamp::now()),
        "nothing was changed"
    );
    store.back();
    let user = api
        .send("POST", "/api/users", &json!({ "name": "bob" }))
        .await;
    assert_eq!(user.status, 201, "{user:?}");
}
