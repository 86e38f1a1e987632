//! Metrics count what happened, under names from the configuration only.

use std::collections::BTreeSet;

use e2e::{Call, Counts, Dialect, Gate, Gateway, Setup, Upstream, altered, channel};
use serde_json::json;

const COUNTS: Counts = Counts::of(30, 7);

async fn house() -> (Upstream, Gateway) {
    let upstream = Upstream::start().await;
    let models = json!({ "models": ["gpt-4o", "wild-*"] });
    let setup = Setup::new().channel(altered(
        channel("main", &upstream.url(), Dialect::Chat),
        models,
    ));
    (upstream, Gateway::start(setup).await)
}

#[tokio::test]
async fn requests_tokens_and_cost_are_counted() {
    let (upstream, gateway) = house().await;
    upstream.always(Dialect::Chat.whole(
        "x",
        Counts {
            cache_read: 10,
            ..COUNTS
        },
    ));
    for _ in 0..3 {
        Call::ask(Dialect::Chat, "gpt-4o", false)
            .send(&gateway)
            .await
            .is(200);
    }
    Call::ask(Dialect::Chat, "gpt-4o", false)
        .anonymous()
        .send(&gateway)
        .await
        .is(401);
    let all = [
        ("operation", "chat"),
        ("client_format", "chat"),
        ("model", "gpt-4o"),
        ("status", "200"),
    ];
    gateway
        .metric_is("tollgate_requests_total", &all, 3.0)
        .await;
    let metrics = gateway.metrics().await;
    let channel = [("model", "gpt-4o"), ("channel", "main")];
    let class = |class: &'static str| [("class", class), channel[0], channel[1]];
    assert_eq!(metrics.sum("tollgate_tokens_total", &class("output")), 21.0);
    assert_eq!(
        metrics.sum("tollgate_tokens_total", &class("cache_read")),
        30.0
    );
    // (20 x 2.50 + 10 x 1.25 + 7 x 10) / 1e6, three times.
    let cost = metrics.sum("tollgate_cost_usd_total", &channel);
    assert!((cost - 0.000_397_5).abs() < 1e-9, "{cost}");
    assert_eq!(
        metrics.sum("tollgate_attempts_total", &[("channel", "main")]),
        3.0
    );
    for histogram in [
        "tollgate_request_duration_seconds",
        "tollgate_first_byte_seconds",
        "tollgate_overhead_seconds",
    ] {
        assert!(
            metrics.sum(&format!("{histogram}_count"), &[]) >= 3.0,
            "{histogram}"
        );
    }
    assert!(metrics.sum("tollgate_refused_total", &[]) >= 1.0);
    assert_eq!(metrics.sum("tollgate_in_flight", &[]), 0.0);
    assert_eq!(
        metrics.sum("tollgate_channel_up", &[("channel", "main")]),
        1.0
    );
}

#[tokio::test]
async fn every_name_of_the_contract_is_there() {
    let (upstream, gateway) = house().await;
    upstream.always(Dialect::Chat.stream(&["x"], COUNTS));
    Call::ask(Dialect::Chat, "gpt-4o", true)
        .send(&gateway)
        .await
        .is(200);
    upstream.then(Dialect::Chat.fault(500, "x"));
    Call::ask(Dialect::Chat, "gpt-4o", false)
        .send(&gateway)
        .await;
    gateway.metric_is("tollgate_requests_total", &[], 2.0).await;
    let metrics = gateway.metrics().await;
    let names: BTreeSet<&str> = metrics
        .0
        .iter()
        .map(|sample| sample.name.as_str())
        .collect();
    for name in [
        "tollgate_requests_total",
        "tollgate_attempts_total",
        "tollgate_tokens_total",
        "tollgate_cost_usd_total",
        "tollgate_request_duration_seconds_bucket",
        "tollgate_first_byte_seconds_bucket",
        "tollgate_overhead_seconds_bucket",
        "tollgate_in_flight",
        "tollgate_channel_up",
        "tollgate_config_valid",
        "tollgate_config_generation",
        "tollgate_ledger_queue",
        "tollgate_journal_bytes",
        "tollgate_estimated_usage_total",
        "gen_ai_client_token_usage_bucket",
        "gen_ai_server_request_duration_seconds_bucket",
        "gen_ai_server_time_to_first_token_seconds_bucket",
    ] {
        assert!(names.contains(name), "{name} is missing: {names:?}");
    }
}

#[tokio::test]
async fn no_caller_can_make_the_series_grow() {
    let (upstream, gateway) = house().await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    for n in 0..20 {
        Call::ask(Dialect::Chat, &format!("wild-{n}"), false)
            .send(&gateway)
            .await
            .is(200);
        Call::ask(Dialect::Chat, &format!("unknown-{n}"), false)
            .send(&gateway)
            .await
            .is(404);
        Call::get(&format!("/nowhere/{n}"))
            .send(&gateway)
            .await
            .is(404);
    }
    gateway
        .metric_is("tollgate_requests_total", &[("status", "200")], 20.0)
        .await;
    let metrics = gateway.metrics().await;
    let models = metrics.values_of("model");
    for model in &models {
        assert!(
            !model.starts_with("unknown-") && *model != "wild-7",
            "{models:?}"
        );
    }
    for sample in &metrics.0 {
        for value in sample.labels.values() {
            assert!(!value.contains("nowhere"), "{sample:?}");
        }
    }
}

#[tokio::test]
async fn what_is_in_flight_is_seen() {
    let (upstream, gateway) = house().await;
    let gate = Gate::new();
    upstream.then(Dialect::Chat.stream(&["x", "y"], COUNTS).gated_at(2, &gate));
    let mut stream = Call::ask(Dialect::Chat, "gpt-4o", true)
        .open(&gateway)
        .await;
    gateway.metric_is("tollgate_in_flight", &[], 1.0).await;
    gate.open();
    stream.whole().await;
    gateway.metric_is("tollgate_in_flight", &[], 0.0).await;
}
