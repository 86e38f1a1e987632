//! `/api/usage`: sums in whole buckets, and questions that have no answer.

use ledger::Record;
use serde_json::json;

use super::client::{Api, CONFIG};
use super::reading::record;

/// 2026-11-21T20:00:00Z is second 0 of `record`.
async fn api() -> Api {
    let api = Api::start(CONFIG).await;
    let other = |id, second, model: &str| Record {
        model: model.into(),
        channel: None,
        ..record(id, second)
    };
    let records = [
        record("1", 0),
        record("2", 3_599),
        other("3", 3_600, "other"),
        record("4", 4 * 3_600),
    ];
    api.store.put(&records).unwrap();
    api
}

const TIME: &str = "from=2026-11-21T20:30:00Z&to=2026-11-22T00:00:01Z";

#[tokio::test]
async fn sums_are_the_documented_json() {
    let api = api().await;
    let answer = api
        .get(&format!("/api/usage?{TIME}&by=channel,model"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = concat!(
        r#"{"from":"2026-11-21T00:00:00Z","to":"2026-11-23T00:00:00Z","bucket":"day","#,
        r#""by":["model","channel"],"items":["#,
        r#"{"at":"2026-11-21T00:00:00Z","model":"gpt-4o","channel":"main","requests":2,"#,
        r#""usage":{"input":2400,"cache_read":800,"cache_write_5m":0,"cache_write_1h":0,"#,
        r#""output":620,"reasoning":240,"audio_input":0,"audio_output":0,"image_input":0,"#,
        r#""image_output":0},"cost":"0.011200000"},"#,
    );
    assert!(answer.body.starts_with(expected), "{}", answer.body);
    assert_eq!(answer.json()["items"][1]["channel"], json!(null));
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn hours_and_days_sum_the_same() {
    let api = api().await;
    let sums = async |query: &str| {
        let json = api.get(&format!("/api/usage?{TIME}&{query}")).await.json();
        let items = json["items"].as_array().unwrap().clone();
        let told = items
            .iter()
            .map(|item| (item["at"].clone(), item["requests"].clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        sums("bucket=hour").await,
        [
            (json!("2026-11-21T20:00:00Z"), json!(2)),
            (json!("2026-11-21T21:00:00Z"), json!(1)),
            (json!("2026-11-22T00:00:00Z"), json!(1)),
        ]
    );
    assert_eq!(
        sums("").await,
        [
            (json!("2026-11-21T00:00:00Z"), json!(3)),
            (json!("2026-11-22T00:00:00Z"), json!(1)),
        ]
    );
    let recent = api.get("/api/usage").await;
    assert_eq!(recent.status, 200, "{recent:?}");
}

#[tokio::test]
async fn questions_without_an_answer_are_problems() {
    let api = api().await;
    for (query, words) in [
        ("by=colour", "by: any of model"),
        ("bucket=week", "bucket: hour or day"),
        ("from=yesterday", "from: "),
        (
            "from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z",
            "not before",
        ),
        (
            "from=2026-01-01T00:00:00Z&to=2026-11-21T00:00:00Z&bucket=hour",
            "more than 31 days",
        ),
        (
            "from=1990-01-01T00:00:00Z&to=2026-11-21T00:00:00Z",
            "more than 3660 days",
        ),
        ("limit=5", "limit"),
    ] {
        let detail = api.get(&format!("/api/usage?{query}")).await.problem(400);
        assert!(detail.contains(words), "{query}: {detail}");
    }
}
