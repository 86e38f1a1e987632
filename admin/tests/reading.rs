//! What is read: records, pages, health, channels, metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{End, Nanos, Record, UsageSource};
use llm::{Format, Operation, Usage};
use prometheus::{IntGauge, Registry};
use tokio::net::TcpListener;

use super::client::{Api, CONFIG, call};
use crate::serve_metrics;

pub(super) fn record(id: &str, second: i64) -> Record {
    Record {
        id: id.into(),
        client_request_id: None,
        at: jiff::Timestamp::from_second(1_795_291_200 + second).unwrap(),
        user: "root".into(),
        token: "ci".into(),
        token_id: "yaml:ci".into(),
        group: "default".into(),
        operation: Operation::Chat,
        client_format: Format::Messages,
        upstream_format: Some(Format::Chat),
        model: "gpt-4o".into(),
        upstream_model: Some("gpt-4o".into()),
        channel: Some("main".into()),
        attempts: 1,
        status: 200,
        end: End::Complete,
        stream: true,
        first_byte_ms: Some(210),
        duration_ms: 3120,
        overhead_us: 95,
        usage: Usage {
            input: 1200,
            cache_read: 400,
            output: 310,
            reasoning: 120,
            ..Usage::default()
        },
        usage_source: UsageSource::Provider,
        cost: Nanos(5_600_000),
        config: "1-abc".into(),
        upstream_request_id: None,
        error: None,
    }
}

#[tokio::test]
async fn a_record_is_the_documented_json_in_its_order() {
    let api = Api::start(CONFIG).await;
    api.store.put(&[record("r-1", 28_800)]).unwrap();
    let answer = api.get("/api/requests/r-1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = concat!(
        r#"{"id":"r-1","client_request_id":null,"at":"2026-11-22T04:00:00Z","user":"root","token":"ci","#,
        r#""token_id":"yaml:ci","group":"default","operation":"chat","client_format":"messages","#,
        r#""upstream_format":"chat","model":"gpt-4o","upstream_model":"gpt-4o","channel":"main","#,
        r#""attempts":1,"status":200,"end":"complete","stream":true,"first_byte_ms":210,"#,
        r#""duration_ms":3120,"overhead_us":95,"#,
        r#""usage":{"input":1200,"cache_read":400,"cache_write_5m":0,"cache_write_1h":0,"output":310,"#,
        r#""reasoning":120,"audio_input":0,"audio_output":0,"image_input":0,"image_output":0},"#,
        r#""usage_source":"provider","cost":"0.005600000","config":"1-abc","#,
        r#""upstream_request_id":null,"error":null}"#,
    );
    assert_eq!(answer.body, expected);
    assert_eq!(api.call("HEAD", "/api/requests/r-1", "").await.status, 401);
}

#[tokio::test]
async fn a_record_that_is_not_there_is_404() {
    let api = Api::start(CONFIG).await;
    let detail = api.get("/api/requests/nobody").await.problem(404);
    assert!(detail.contains("nobody"), "{detail}");
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let api = Api::start(CONFIG).await;
    let records: Vec<_> = (0..5).map(|n| record(&format!("r-{n}"), n / 2)).collect();
    api.store.put(&records).unwrap();
    let other = Record {
        token: "other one".into(),
        ..record("o-1", 100)
    };
    api.store.put(&[other]).unwrap();

    let mut seen = Vec::new();
    let mut target = "/api/requests?token=ci&limit=2&model=&cursor=".to_owned();
    loop {
        let page = api.get(&target).await.json();
        for item in page["items"].as_array().unwrap() {
            seen.push(item["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            assert!(page["next"].is_null());
            break;
        };
        target = format!("/api/requests?token=ci&limit=2&cursor={next}");
    }
    assert_eq!(seen, ["r-4", "r-3", "r-2", "r-1", "r-0"]);

    for (query, count) in [
        ("", 6),
        ("?token=other+one", 1),
        ("?token=other%20one&channel=main", 1),
        ("?model=gpt-5", 0),
        ("?channel=nobody", 0),
        ("?after=2026-11-21T20:00:01Z&before=2026-11-21T20:00:02Z", 2),
        ("?after=2026-11-21T21:00:01%2B01:00&token=ci", 3),
    ] {
        let page = api.get(&format!("/api/requests{query}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_made_says_which_parameter_is_wrong() {
    let api = Api::start(CONFIG).await;
    for (query, word) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("after=yesterday", "after"),
        ("before=2026-11-21", "before"),
        ("cursor=5", "cursor"),
        ("tokn=ci", "tokn"),
        ("token=a&token=b", "token"),
    ] {
        let detail = api
            .get(&format!("/api/requests?{query}"))
            .await
            .problem(400);
        assert!(detail.contains(word), "{query}: {detail}");
    }
}

#[tokio::test]
async fn health_says_what_runs() {
    let api = Api::start(CONFIG).await;
    let health = api.get("/api/health").await.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["store"]["ok"], true);
    assert_eq!(health["config"]["number"], 1);
    assert_eq!(health["config"]["valid"], true);
    assert_eq!(health["config"]["generation"], *api.live.full().generation);
    assert_eq!(health["ledger_queue"], 7);
    assert_eq!(health["in_flight"], 3);
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["uptime_s"].is_u64());
}

#[tokio::test]
async fn metrics_are_refreshed_and_scraped_without_a_key() {
    let registry = Registry::new();
    let gauge = IntGauge::new("tollgate_ledger_queue", "Records waiting.").unwrap();
    registry.register(Box::new(gauge.clone())).unwrap();
    let scrapes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&scrapes);
    let refresh = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        gauge.set(42);
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_metrics(
        listener,
        registry,
        refresh,
        std::future::pending(),
    ));

    let answer = call(address, "GET", "/metrics", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4")
    );
    assert!(
        answer.body.contains("\ntollgate_ledger_queue 42\n"),
        "{}",
        answer.body
    );
    assert_eq!(scrapes.load(Ordering::SeqCst), 1);
    assert_eq!(call(address, "GET", "/healthz", "").await.body, "ok\n");
    assert_eq!(call(address, "GET", "/api/health", "").await.status, 404);
}
