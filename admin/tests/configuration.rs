//! `/api/config`: what is in force, from where, and no secret.

use serde_json::json;

use super::client::{Api, CONFIG, KEY};

#[tokio::test]
async fn the_configuration_says_what_is_in_force_and_from_where() {
    let more = "gateway: { retries: 7 }\nredis: 'redis://:hunter2@127.0.0.1:1'\n\
        store: 'postgres://u:hunter2@h/d'\nencryption_key: 0123456789abcdef0123456789abcdef\n\
        tokens: [{ name: ci, key: sk-ci-0123456789 }]\ngroup_ratios: { partner: { default: 0.5 } }\n";
    let api = Api::start(&format!("{CONFIG}{more}")).await;
    let answer = api.get("/api/config").await;
    for secret in [
        KEY,
        "hunter2",
        "0123456789abcdef0123456789abcdef",
        "sk-ci",
        "sk-up-1",
    ] {
        assert!(!answer.body.contains(secret), "{secret}: {}", answer.body);
    }
    let json = answer.json();
    let sections = &json["sections"];
    assert_eq!(
        sections["gateway"]["retries"],
        json!({ "value": 7, "origin": "file" })
    );
    assert_eq!(
        sections["gateway"]["drain"],
        json!({ "value": "30s", "origin": "default" })
    );
    assert_eq!(
        sections["admin"]["key"],
        json!({ "value": "set", "origin": "file" })
    );
    assert_eq!(sections["store"]["address"]["value"], "postgres://…");
    assert_eq!(json["tokens"], json!(["ci"]));
    assert_eq!(
        json["group_ratios"],
        json!({ "partner": { "default": "0.5" } })
    );
    assert_eq!(json["channels"][0]["origin"], "file");
    assert_eq!(json["groups"][0]["origin"], "default");
}
