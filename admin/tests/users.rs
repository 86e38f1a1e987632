//! `/api/users`: made, shown, changed, deleted, and written down.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::client::{Answer, Api, CONFIG};

pub(super) async fn alice(api: &Api) -> Answer {
    let body = json!({ "name": "alice", "limits": { "rpm": 60 }, "note": "of the lab" });
    let made = api.send("POST", "/api/users", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

#[tokio::test]
async fn a_user_is_made_and_found_with_its_balance() {
    let api = Api::start(CONFIG).await;
    let made = alice(&api).await;
    let user = made.json();
    assert_eq!(
        (&user["name"], &user["role"], &user["group"]),
        (&json!("alice"), &json!("user"), &json!("default"))
    );
    assert_eq!(
        (&user["enabled"], &user["unlimited"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&user["limits"], &user["note"]),
        (&json!({ "rpm": 60 }), &json!("of the lab"))
    );
    let nothing = "0.000000000";
    let balance =
        json!({ "credited": nothing, "spent": nothing, "left": nothing, "leased": nothing });
    assert_eq!(user["balance"], balance);
    let tag = format!("\"{}\"", user["revision"]);
    assert_eq!(made.header("etag"), Some(&*tag));

    let shown = api.get("/api/users/alice").await;
    assert_eq!(shown.json()["note"], "of the lab");
    assert_eq!(shown.header("etag"), Some(&*tag));
    assert_eq!(
        api.facts.changes.load(Ordering::SeqCst),
        1,
        "the gateway was told"
    );
    api.get("/api/users/bob").await.problem(404);
    let again = api
        .send("POST", "/api/users", &json!({ "name": "alice" }))
        .await;
    again.problem(409);
}

#[tokio::test]
async fn every_wrong_member_is_named() {
    let api = Api::start(CONFIG).await;
    let body = json!({ "name": "a/b", "grup": "x", "enabled": "perhaps", "limits": { "rpm": -1 }, "note": "\u{7}" });
    let refused = api.send("POST", "/api/users", &body).await;
    let paths = refused.paths();
    for path in ["name", "grup", "enabled", "limits.rpm", "note"] {
        assert!(paths.iter().any(|one| one == path), "{path}: {paths:?}");
    }
    for name in [
        json!("root"),
        json!(""),
        json!(5),
        Value::Null,
        json!("x".repeat(65)),
    ] {
        let refused = api
            .send("POST", "/api/users", &json!({ "name": name }))
            .await;
        assert_eq!(refused.paths(), ["name"], "{name}");
    }
    assert_eq!(
        api.send("POST", "/api/users", &json!({})).await.paths(),
        ["name"]
    );
    let none = api.get("/api/users").await.json();
    assert_eq!(
        none,
        json!({ "items": [], "next": null }),
        "nothing was made"
    );
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_only_the_state_that_is_meant() {
    let api = Api::start(CONFIG).await;
    let first = alice(&api).await.header("etag").unwrap().to_owned();
    let patch = json!({ "limits": { "tpm": 1000 }, "note": null, "unlimited": true });
    let changed = api.send("PATCH", "/api/users/alice", &patch).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let user = changed.json();
    assert_eq!(user["limits"], json!({ "rpm": 60, "tpm": 1000 }), "merged");
    assert_eq!(
        (&user["note"], &user["unlimited"]),
        (&json!(""), &json!(true))
    );

    let old = format!("if-match: {first}\r\n");
    let body = r#"{"note": "late"}"#;
    let late = api.send_with("PATCH", "/api/users/alice", &old, body).await;
    late.problem(412);
    api.send_with("DELETE", "/api/users/alice", &old, "")
        .await
        .problem(412);
    let new = format!("if-match: {}\r\n", changed.header("etag").unwrap());
    let meant = api.send_with("PATCH", "/api/users/alice", &new, body).await;
    assert_eq!(meant.json()["note"], "late");
    let renamed = api
        .send("PATCH", "/api/users/alice", &json!({ "name": "eve" }))
        .await;
    assert_eq!(renamed.paths(), ["name"]);
    api.send("PATCH", "/api/users/bob", &json!({}))
        .await
        .problem(404);
}

#[tokio::test]
async fn a_deleted_user_is_gone_with_its_keys_and_its_name_stays_taken() {
    let api = Api::start(CONFIG).await;
    alice(&api).await;
    for name in ["one", "two"] {
        let body = json!({ "user": "alice", "name": name });
        assert_eq!(api.send("POST", "/api/keys", &body).await.status, 201);
    }
    let deleted = api.send("DELETE", "/api/users/alice", &json!({})).await;
    assert_eq!((deleted.status, &*deleted.body), (204, ""));
    api.get("/api/users/alice").await.problem(404);
    let keys = api.get("/api/keys?user=alice").await.json();
    assert_eq!(keys["items"], json!([]));
    api.send("POST", "/api/users", &json!({ "name": "alice" }))
        .await
        .problem(409);
    api.send("DELETE", "/api/users/alice", &json!({}))
        .await
        .problem(404);
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    let api = Api::start(CONFIG).await;
    for name in ["dora", "anna", "Carl", "über", "bert"] {
        let made = api
            .send("POST", "/api/users", &json!({ "name": name }))
            .await;
        assert_eq!(made.status, 201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api
            .get(&format!("/api/users?limit=2&cursor={cursor}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|user| user["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["Carl", "anna", "bert", "dora", "über"]);
    for query in ["limit=0", "limit=501", "limit=x", "sort=name"] {
        api.get(&format!("/api/users?{query}")).await.problem(400);
    }
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let api = Api::start(CONFIG).await;
    alice(&api).await;
    api.send("PATCH", "/api/users/alice", &json!({ "role": "admin" }))
        .await;
    api.send("PATCH", "/api/users/alice", &json!({ "role": "king" }))
        .await
        .problem(422);
    api.send("DELETE", "/api/users/alice", &json!({})).await;
    let log = api.get("/api/audit?subject=user:alice").await.json();
    let items = log["items"].as_array().unwrap();
    let actions: Vec<&str> = items
        .iter()
        .map(|deed| deed["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["user.delete", "user.update", "user.create"]);
    let update = &items[1];
    assert_eq!(
        (&update["actor"], &update["subject"]),
        (&json!("admin"), &json!("user:alice"))
    );
    assert_eq!(update["was"].get("role"), None);
    assert_eq!(update["became"]["role"], "admin");
    assert_eq!(update["became"]["note"], "of the lab");
    assert_eq!(
        (&items[0]["became"], &items[2]["was"]),
        (&Value::Null, &Value::Null)
    );

    let page = api.get("/api/audit?limit=2").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = api
        .get(&format!("/api/audit?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["items"][0]["action"], "user.create");
    assert_eq!(rest["next"], Value::Null);
    api.get("/api/audit?who=me").await.problem(400);
}

#[tokio::test]
async fn changes_at_the_same_time_come_one_after_another() {
    let api = std::sync::Arc::new(Api::start(CONFIG).await);
    alice(&api).await;
    let calls = (0..8).map(|n| {
        let api = std::sync::Arc::clone(&api);
        tokio::spawn(async move {
            let patch = json!({ "limits": { "rpm": n + 1 } });
            api.send("PATCH", "/api/users/alice", &patch).await.status
        })
    });
    let mut kept = 0;
    for call in calls.collect::<Vec<_>>() {
        let status = call.await.unwrap();
        assert!(matches!(status, 200 | 409), "{status}");
        kept += usize::from(status == 200);
    }
    let log = api.get("/api/audit?subject=user:alice").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), kept + 1);
}

#[tokio::test]
async fn who_lost_a_group_can_be_disabled_all_the_same() {
    let api = Api::start(CONFIG).await;
    for group in ["gold", "lead"] {
        let made = api
            .send("POST", "/api/groups", &json!({ "name": group }))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    api.learn();
    let ann = json!({ "name": "ann", "group": "gold" });
    assert_eq!(api.send("POST", "/api/users", &ann).await.status, 201);
    let key = json!({ "user": "ann", "name": "laptop", "group": "lead" });
    let key = api.send("POST", "/api/keys", &key).await.json();
    let key = format!("/api/keys/{}", key["id"].as_str().unwrap());
    // The API does not take them away from members; another program, or a file that is gone, may.
    for group in api.store.documents().unwrap() {
        let now = jiff::Timestamp::now();
        let subject = format!("group:{}", group.name);
        let deed = crate::deed::deed("group.delete", subject, None, None, now);
        let gone = store::Change::RemoveDocument(&group);
        api.store.change(gone, &deed, now).unwrap();
    }
    api.learn();

    for target in [&*key, "/api/users/ann"] {
        let to_another = json!({ "group": "silver" });
        let refused = api.send("PATCH", target, &to_another).await;
        assert_eq!(refused.paths(), ["group"], "{target}");
        let off = json!({ "enabled": false });
        let disabled = api.send("PATCH", target, &off).await;
        assert_eq!(disabled.status, 200, "{disabled:?}");
        assert_eq!(disabled.json()["enabled"], false);
    }
}
