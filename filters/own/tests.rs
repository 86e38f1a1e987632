#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use config::Live;
use config::snapshot::Snapshot;
use ledger::{End, Nanos, Record, UsageSource};
use llm::{Operation, Usage};
use serde_json::{Value, json};

use super::*;

const CONFIGURATION: &str = r#"
channels: [{ name: a, provider: openai, keys: [k], models: ["*"] }]
groups: { vip: { ratio: 0.5 } }
models:
  gpt-4o: { price: { input: 2.5, cache_read: 1.25, output: 10 } }
  dall-e-3: { price: { request: 0.04 } }
  free-*: { price: { input: 0, output: 0 } }
tokens:
  - { name: plain, key: sk-00000001 }
  - name: bounded
    key: sk-00000002
    budget: 25.5
    models: [gpt-4o, "free-*"]
    expires_at: 2099-01-01T00:00:00Z
"#;

fn snapshot() -> Arc<Snapshot> {
    Live::from_text(CONFIGURATION, &|_| None).unwrap().full()
}

fn token(key: &str) -> Arc<Token> {
    snapshot().token(key).unwrap().clone()
}

fn plain() -> Arc<Token> {
    token("sk-00000001")
}

fn bounded() -> Arc<Token> {
    token("sk-00000002")
}

#[test]
fn a_subscription_is_the_budget_in_usd() {
    assert_eq!(
        billing::subscription(&bounded()).to_string(),
        r#"{"object":"billing_subscription","has_payment_method":true,"soft_limit_usd":25.5,"hard_limit_usd":25.5,"system_hard_limit_usd":25.5,"access_until":4070908800}"#
    );
    assert_eq!(
        billing::subscription(&plain()).to_string(),
        r#"{"object":"billing_subscription","has_payment_method":true,"soft_limit_usd":100000000,"hard_limit_usd":100000000,"system_hard_limit_usd":100000000,"access_until":0}"#
    );
}

#[test]
fn what_was_spent_is_told_in_cents() {
    for (nanos, told) in [
        (0, "0"),
        (10_000_000, "1"),
        (5_600_000, "0.56"),
        (1, "0.0000001"),
        (123_456_789_012, "12345.6789012"),
        (-5_000_000, "-0.5"),
    ] {
        let expected: Value = serde_json::from_str(told).unwrap();
        let usage = billing::usage(Nanos(nanos));
        assert_eq!(usage, json!({"object": "list", "total_usage": expected}));
    }
}

#[test]
fn a_key_is_told_in_units_of_the_original() {
    assert_eq!(
        quota::token(&bounded(), Nanos(500_001_000)).to_string(),
        r#"{"code":true,"success":true,"message":"ok","data":{"object":"token_usage","name":"bounded","total_granted":12750000,"total_used":250001,"total_available":12499999,"unlimited_quota":false,"model_limits":{"gpt-4o":true,"free-*":true},"model_limits_enabled":true,"expires_at":4070908800}}"#
    );
    assert_eq!(
        quota::token(&plain(), Nanos(4_000)).to_string(),
        r#"{"code":true,"success":true,"message":"ok","data":{"object":"token_usage","name":"plain","total_granted":0,"total_used":2,"total_available":-2,"unlimited_quota":true,"model_limits":{},"model_limits_enabled":false,"expires_at":0}}"#
    );
}

#[test]
fn units_are_rounded_half_away_from_zero() {
    for (nanos, units) in [
        (0, 0),
        (999, 0),
        (1_000, 1),
        (2_999, 1),
        (3_000, 2),
        (-999, 0),
        (-1_000, -1),
        (i64::MAX, i64::MAX / 2_000),
        (i64::MIN, i64::MIN / 2_000),
    ] {
        assert_eq!(quota::units(Nanos(nanos)), units, "{nanos}");
    }
}

fn record() -> Record {
    Record {
        id: "r1".into(),
        client_request_id: None,
        at: "2026-11-21T20:00:00.9Z".parse().unwrap(),
        user: "root".into(),
        token: "plain".into(),
        token_id: "yaml:plain".into(),
        group: "vip".into(),
        operation: Operation::Chat,
        client_format: Format::Messages,
        upstream_format: Some(Format::Chat),
        model: "gpt-4o".into(),
        upstream_model: Some("gpt-4o-2024-11-20".into()),
        channel: Some("secret-channel".into()),
        attempts: 1,
        status: 200,
        end: End::Complete,
        stream: true,
        first_byte_ms: Some(210),
        duration_ms: 3_620,
        overhead_us: 95,
        usage: Usage {
            input: 1_200,
            cache_read: 400,
            cache_write_5m: 10,
            cache_write_1h: 20,
            output: 310,
            ..Usage::default()
        },
        usage_source: UsageSource::Provider,
        cost: Nanos(2_800_000),
        config: "1-abc".into(),
        upstream_request_id: Some("req_1".into()),
        error: None,
    }
}

/// The rows of these records, `other` read.
fn rows(records: Vec<Record>) -> Vec<Value> {
    let told: Value = serde_json::from_slice(&log::told(&snapshot(), None, records)).unwrap();
    assert_eq!(
        (&told["success"], &told["message"]),
        (&json!(true), &json!(""))
    );
    let rows = told["data"].as_array().unwrap().iter();
    let rows = rows.cloned().map(|mut row| {
        row["other"] = serde_json::from_str(row["other"].as_str().unwrap()).unwrap();
        row
    });
    rows.collect()
}

#[test]
fn a_request_is_a_row_of_the_log() {
    let told = log::told(&snapshot(), None, vec![record()]);
    let text = String::from_utf8(told.to_vec()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"success":true,"message":"","data":[{"id":1,"user_id":0,"created_at":1795291200,"type":2,"content":"","#,
            r#""username":"root","token_name":"plain","model_name":"gpt-4o","quota":1400,"prompt_tokens":1200,"#,
            r#""completion_tokens":310,"use_time":4,"is_stream":true,"channel":0,"channel_name":"","token_id":0,"#,
            r#""group":"vip","ip":"","request_id":"r1","#,
            r#""other":"{\"model_ratio\":1.25,\"group_ratio\":0.5,\"completion_ratio\":4.0,\"cache_tokens\":400,\"cache_ratio\":0.5,\"cache_creation_tokens\":30,\"model_price\":-1.0,\"user_group_ratio\":-1.0,\"frt\":210}"}]}"#
        )
    );
    assert!(
        !text.contains("secret-channel"),
        "channels are the operator's"
    );
}

#[test]
fn calls_failures_and_what_costs_nothing_are_told_apart() {
    let call = Record {
        model: "dall-e-3".into(),
        upstream_model: None,
        ..record()
    };
    let failed = Record {
        status: 502,
        end: End::UpstreamError,
        cost: Nanos::ZERO,
        first_byte_ms: None,
        error: Some("ö".repeat(400)),
        model: "unpriced-model".into(),
        upstream_model: None,
        ..record()
    };
    let cut = Record {
        status: 502,
        end: End::UpstreamCut,
        error: Some("cut".into()),
        model: "free-x".into(),
        ..record()
    };
    let rows = rows(vec![call, failed, cut]);
    let places: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(places, [1, 2, 3]);

    assert_eq!(rows[0]["other"]["model_price"], json!(0.04));
    assert_eq!(rows[0]["other"]["model_ratio"], json!(0.0));

    assert_eq!(
        (&rows[1]["type"], &rows[1]["quota"]),
        (&json!(5), &json!(0))
    );
    assert_eq!(rows[1]["content"], "ö".repeat(250), "long words are cut");
    let other = &rows[1]["other"];
    assert_eq!(
        (&other["frt"], &other["status_code"]),
        (&json!(-1), &json!(502))
    );

    assert_eq!(rows[2]["type"], json!(2), "it cost something");
    assert_eq!(rows[2]["content"], "");
    assert_eq!(rows[2]["other"]["completion_ratio"], json!(0.0));
}

#[test]
fn refusals_are_told_in_the_envelope_of_their_path() {
    let away = Refusal::new(Cause::Unavailable, "away");
    let stranger = Refusal::new(Cause::Unauthenticated, "who?");
    let check = |question, refusal: &Refusal, expected: Value| {
        let told: Value = serde_json::from_slice(&told(question, refusal, "r1")).unwrap();
        assert_eq!(told, expected);
    };
    let upstream_error = json!({"error": {"message": "away", "type": "upstream_error"}});
    check(Question::Subscription, &away, upstream_error.clone());
    check(Question::Usage, &away, upstream_error);
    let token = json!({"code": false, "success": false, "message": "away"});
    check(Question::Token, &away, token);
    let log = json!({"success": false, "message": "who?"});
    check(Question::Log, &stranger, log);
    let openai = json!({"error": {
        "message": "who?", "type": "invalid_request_error", "param": null, "code": "invalid_api_key",
    }});
    check(Question::Usage, &stranger, openai);
}
