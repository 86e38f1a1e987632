//! What is done: clearing channels and reloading.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use config::Live;
use config::health::{Outcome, Tick, fingerprint};
use serde_json::{Value, json};

use super::client::{Api, CONFIG, KEY};

fn key(state: &str, fingerprint: Value) -> Value {
    json!({ "fingerprint": fingerprint, "state": state, "reason": null, "until": null, "probing": false })
}

#[tokio::test]
async fn channels_show_their_keys_without_showing_them() {
    let api = Api::start(CONFIG).await;
    let answer = api.get("/api/channels").await;
    assert!(!answer.body.contains("sk-up"), "{}", answer.body);
    let (one, two) = (fingerprint("sk-up-1"), fingerprint("sk-up-2"));
    let expected = [
        json!({ "name": "main", "provider": "openai", "enabled": true, "up": true,
          "keys": [key("up", one.clone().into()), key("up", two.into())] }),
        json!({ "name": "spare", "provider": "custom", "enabled": false, "up": false,
          "keys": [key("up", Value::Null)] }),
    ];
    let shown = answer.json();
    for (index, expected) in expected.iter().enumerate() {
        let shown = &shown["items"][index];
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(shown[member], *value, "{member}");
        }
        assert_eq!(shown["origin"], "file");
        assert_eq!(shown["revision"], Value::Null);
    }
    let settings = &shown["items"][0]["settings"];
    assert_eq!(settings["keys"][0], format!("fingerprint:{one}"));
    assert_eq!(settings["models"], json!(["*"]));
}

#[tokio::test]
async fn a_key_that_is_out_says_why_and_until_when_and_can_be_cleared() {
    let api = Api::start(CONFIG).await;
    let lane = Arc::clone(&api.live.full().channels[0].keys[0].lane);
    lane.report(Outcome::Unauthorized, Tick::now());

    let channels = api.get("/api/channels").await.json();
    let shut = &channels["items"][0]["keys"][0];
    assert_eq!(
        (&shut["state"], &shut["reason"]),
        (&json!("shut"), &json!("unauthorized"))
    );
    let until: jiff::Timestamp = shut["until"].as_str().unwrap().parse().unwrap();
    let left = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((290..=300).contains(&left), "{left} s until the next probe");
    assert_eq!(channels["items"][0]["up"], true, "its other key works");

    let cleared = api.post("/api/channels/main/clear").await;
    assert_eq!(cleared.status, 200);
    assert_eq!(cleared.json()["keys"][0]["state"], "up");
    let log = api.get("/api/audit?subject=channel:main").await;
    assert!(!log.body.contains("sk-up"), "{}", log.body);
    let deed = &log.json()["items"][0];
    assert_eq!(deed["action"], "channel.clear");
    let state = |when: &str| deed[when]["keys"][0]["state"].clone();
    assert_eq!([state("was"), state("became")], ["shut", "up"]);
    let detail = api.post("/api/channels/nobody/clear").await.problem(404);
    assert!(detail.contains("nobody"), "{detail}");
}

#[tokio::test]
async fn a_reload_tells_what_it_did_and_every_problem_when_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.yaml");
    fs::write(&path, CONFIG).unwrap();
    let live = Live::start(path.clone(), Box::new(|_| None)).unwrap();
    let api = Api::start_with(Arc::new(live)).await;

    let same = api.post("/api/reload").await.json();
    assert_eq!(
        (&same["changed"], &same["number"]),
        (&json!(false), &json!(1))
    );

    fs::write(&path, CONFIG.replace("name: spare", "name: other")).unwrap();
    let changed = api.post("/api/reload").await.json();
    assert_eq!(
        (&changed["changed"], &changed["number"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(api.facts.reloads.load(Ordering::SeqCst), 1);
    let log = api.get("/api/audit?subject=configuration").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
    let deed = &log["items"][0];
    assert_eq!(deed["action"], "configuration.reload");
    assert_eq!(
        (&deed["was"]["number"], &deed["became"]["number"]),
        (&json!(1), &json!(2))
    );

    fs::write(&path, "channels: [ { name: 5 } ]\nnonsense: 1\n").unwrap();
    let refused = api.post("/api/reload").await;
    refused.problem(422);
    assert!(
        refused.json()["problems"].as_array().unwrap().len() >= 2,
        "{refused:?}"
    );
    let health = api.get("/api/health").await.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["config"]["valid"], false);
    assert_eq!(health["config"]["number"], 2);

    // The key is the one of the configuration that runs.
    fs::write(&path, CONFIG.replace(KEY, "adm-new")).unwrap();
    assert_eq!(api.post("/api/reload").await.status, 200);
    api.get("/api/health").await.problem(401);
    let new = "authorization: bearer adm-new\r\n";
    assert_eq!(api.call("GET", "/api/health", new).await.status, 200);
}

#[tokio::test]
async fn a_check_tells_what_a_reload_would_and_takes_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.yaml");
    fs::write(&path, CONFIG).unwrap();
    let live = Live::start(path.clone(), Box::new(|_| None)).unwrap();
    let api = Api::start_with(Arc::new(live)).await;
    let check = async || api.get("/api/check").await;
    assert!(check().await.json()["warnings"].is_array());

    fs::write(&path, CONFIG.replace("name: spare", "name: other")).unwrap();
    assert_eq!(check().await.status, 200);
    fs::write(&path, "channels: [ { name: 5 } ]\nnonsense: 1\n").unwrap();
    let refused = check().await;
    refused.problem(422);
    assert!(
        refused.json()["problems"].as_array().unwrap().len() >= 2,
        "{refused:?}"
    );
    let health = api.get("/api/health").await.json();
    assert_eq!(health["config"]["valid"], true, "only looked at");
    assert_eq!(health["config"]["number"], 1);
    assert_eq!(api.facts.reloads.load(Ordering::SeqCst), 0);
}
