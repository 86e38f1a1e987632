//! Breakers, keys taken out, replicas: what the gateway learns about its upstreams.

use std::time::Duration;

use e2e::{
    Call, Counts, Cut, Dialect, Gateway, Refusing, Reply, Setup, Upstream, altered, channel,
};
use serde_json::{Value, json};

const COUNTS: Counts = Counts::of(3, 2);

fn one(upstream: &Upstream, change: Value) -> Setup {
    Setup::new().channel(altered(
        channel("main", &upstream.url(), Dialect::Chat),
        change,
    ))
}

#[tokio::test]
async fn a_breaker_opens_after_failures_and_closes_after_a_good_probe() {
    let upstream = Upstream::start().await;
    let breaker = json!({ "breaker": { "failures": 3, "window": "30s", "open": "1s" } });
    let gateway = Gateway::start(one(&upstream, breaker)).await;
    upstream.always(Dialect::Chat.fault(500, "no"));
    for _ in 0..3 {
        gateway.ask(Dialect::Chat).await.is(502);
    }
    gateway.ask(Dialect::Chat).await.is(503);
    assert_eq!(upstream.calls(), 3, "open: nobody is asked");
    gateway
        .metric_is("tollgate_channel_up", &[("channel", "main")], 0.0)
        .await;

    // Half open: one probe; it fails, so it opens again.
    let start = std::time::Instant::now();
    while upstream.calls() == 3 {
        gateway.ask(Dialect::Chat).await;
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "no probe is ever sent"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    gateway.ask(Dialect::Chat).await.is(503);
    assert_eq!(upstream.calls(), 4, "one probe");

    upstream.always(Dialect::Chat.whole("x", COUNTS));
    let start = std::time::Instant::now();
    while gateway.ask(Dialect::Chat).await.status != 200 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "it never recovers"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..3 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    gateway
        .metric_is("tollgate_channel_up", &[("channel", "main")], 1.0)
        .await;
}

/// The answer began well, so nobody else could step in; but it is a failure of the channel.
#[tokio::test]
async fn streams_that_break_off_open_the_breaker() {
    let (ill, well) = (Upstream::start().await, Upstream::start().await);
    let stream = Dialect::Chat.stream(&["one ", "two "], COUNTS);
    let paced = stream.clone().paced(Duration::from_millis(10));
    ill.always(paced.cut_after_pieces(Dialect::Chat.preamble() + 1, Cut::Fin));
    well.always(stream);
    let first =
        json!({ "priority": 9, "breaker": { "failures": 2, "window": "30s", "open": "60s" } });
    let setup = one(&ill, first).channel(channel("well", &well.url(), Dialect::Chat));
    let gateway = Gateway::start(setup).await;
    for _ in 0..4 {
        let mut answer = gateway.stream(Dialect::Chat).await;
        answer.whole().await;
    }
    assert_eq!((ill.calls(), well.calls()), (2, 2));
}

#[tokio::test]
async fn an_open_candidate_is_skipped_for_a_healthy_one() {
    let (ill, well) = (Upstream::start().await, Upstream::start().await);
    ill.always(Dialect::Chat.fault(500, "no"));
    well.always(Dialect::Chat.whole("x", COUNTS));
    let first =
        json!({ "priority": 9, "breaker": { "failures": 2, "window": "30s", "open": "60s" } });
    let setup = one(&ill, first).channel(channel("well", &well.url(), Dialect::Chat));
    let gateway = Gateway::start(setup).await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    assert_eq!((ill.calls(), well.calls()), (2, 6));
}

#[tokio::test]
async fn errors_of_the_caller_open_no_breaker() {
    let upstream = Upstream::saying(Dialect::Chat.fault(400, "no")).await;
    let breaker = json!({ "breaker": { "failures": 1, "window": "30s", "open": "60s" } });
    let gateway = Gateway::start(one(&upstream, breaker)).await;
    for _ in 0..4 {
        gateway.ask(Dialect::Chat).await.is(400);
    }
    assert_eq!(upstream.calls(), 4);
}

#[tokio::test]
async fn a_client_that_leaves_opens_no_breaker() {
    let upstream = Upstream::start().await;
    let breaker = json!({ "breaker": { "failures": 1, "window": "30s", "open": "60s" } });
    let gateway = Gateway::start(one(&upstream, breaker)).await;
    for stream in [false, true] {
        let calls = upstream.calls();
        upstream.then(Reply::silence());
        let call = Call::ask(Dialect::Chat, "m", stream);
        tokio::select! {
            _ = call.send(&gateway) => panic!("nobody answers"),
            () = upstream.wait_for_calls(calls + 1) => {}
        }
    }
    e2e::eventually("both are left", || upstream.hung_up() == 2).await;
    upstream.always(Dialect::Chat.whole("x", COUNTS));
    gateway.ask(Dialect::Chat).await.is(200);
}

#[tokio::test]
async fn a_refused_key_is_taken_out_until_it_changes() {
    let upstream = Upstream::start().await;
    upstream.answer(|seen| match seen.header("authorization") {
        Some("Bearer sk-new-key") => Dialect::Chat.whole("x", COUNTS),
        _ => Dialect::Chat.fault(401, "bad key"),
    });
    let gateway = Gateway::start(one(&upstream, json!({ "keys": ["sk-old-key"] }))).await;
    gateway.ask(Dialect::Chat).await.is(502);
    gateway.ask(Dialect::Chat).await.is(503);
    assert_eq!(
        upstream.calls(),
        1,
        "a refused key is not tried again and again"
    );
    gateway.rewrite(&one(&upstream, json!({ "keys": ["sk-new-key"] })).text());
    let start = std::time::Instant::now();
    while gateway.ask(Dialect::Chat).await.status != 200 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "a new key is a new chance"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_exhausted_account_is_taken_out_too() {
    let upstream = Upstream::start().await;
    let broke = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    upstream.always(Reply::json(429, broke));
    let gateway = Gateway::start(one(&upstream, json!({}))).await;
    let first = gateway.ask(Dialect::Chat).await;
    assert!(
        !first.text().contains("insufficient_quota"),
        "the caller's money is not at fault: {}",
        first.text()
    );
    gateway.ask(Dialect::Chat).await.is(503);
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn without_auto_disable_a_refused_key_stays() {
    let upstream = Upstream::saying(Dialect::Chat.fault(401, "bad key")).await;
    let gateway = Gateway::start(one(&upstream, json!({ "auto_disable": false }))).await;
    for _ in 0..3 {
        gateway.ask(Dialect::Chat).await.is(502);
    }
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn a_limited_key_rests_as_long_as_it_was_told() {
    let (limited, other) = (Upstream::start().await, Upstream::start().await);
    limited.always(Dialect::Chat.fault(429, "slow").header("retry-after", "60"));
    other.always(Dialect::Chat.whole("x", COUNTS));
    let setup = one(&limited, json!({ "priority": 9 })).channel(channel(
        "other",
        &other.url(),
        Dialect::Chat,
    ));
    let gateway = Gateway::start(setup).await;
    for _ in 0..4 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    assert_eq!((limited.calls(), other.calls()), (1, 4));
}

#[tokio::test]
async fn keys_take_turns() {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", COUNTS)).await;
    let keys =
        json!({ "keys": ["sk-a-key", "sk-b-key", "sk-c-key"], "key_rotation": "round_robin" });
    let gateway = Gateway::start(one(&upstream, keys)).await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    for key in ["sk-a-key", "sk-b-key", "sk-c-key"] {
        let bearer = format!("Bearer {key}");
        let used = upstream
            .requests()
            .iter()
            .filter(|seen| seen.header("authorization") == Some(&*bearer))
            .count();
        assert_eq!(used, 2, "{key}");
    }
}

fn replicas(bases: &[String], change: Value) -> Setup {
    let mut row = altered(
        channel("main", "", Dialect::Chat),
        json!({ "endpoints": bases }),
    );
    row.as_object_mut().unwrap().remove("base_url");
    Setup::new().channel(altered(row, change))
}

#[tokio::test]
async fn replicas_take_turns_and_stand_in_for_each_other() {
    let whole = || Dialect::Chat.whole("x", COUNTS);
    let (a, b) = (
        Upstream::saying(whole()).await,
        Upstream::saying(whole()).await,
    );
    let gateway = Gateway::start(replicas(&[a.url(), b.url()], json!({}))).await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    assert_eq!((a.calls(), b.calls()), (3, 3), "round robin");

    let refusing = Refusing::start();
    let gateway = Gateway::start(replicas(&[refusing.url(), a.url()], json!({}))).await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
}

#[tokio::test]
async fn the_same_prompt_goes_to_the_same_replica() {
    let whole = || Dialect::Chat.whole("x", COUNTS);
    let (a, b) = (
        Upstream::saying(whole()).await,
        Upstream::saying(whole()).await,
    );
    let gateway = Gateway::start(replicas(
        &[a.url(), b.url()],
        json!({ "balance": "consistent" }),
    ))
    .await;
    let ask = |text: &str| {
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": text }] });
        Call::json(Dialect::Chat, "m", false, &body)
    };
    for _ in 0..5 {
        ask("always the same long question about one thing")
            .send(&gateway)
            .await
            .is(200);
    }
    assert!(
        a.calls() == 5 || b.calls() == 5,
        "{} {}",
        a.calls(),
        b.calls()
    );
    for n in 0..40 {
        ask(&format!("{n}: another question altogether"))
            .send(&gateway)
            .await
            .is(200);
    }
    assert!(
        a.calls() > 5 && b.calls() > 5,
        "other prompts are shared: {} {}",
        a.calls(),
        b.calls()
    );
}

#[tokio::test]
async fn an_ill_replica_is_left_out_by_its_health_check() {
    let (ill, well) = (Upstream::start().await, Upstream::start().await);
    let serve = |healthy: bool| {
        move |seen: &e2e::upstream::Seen| match (seen.target.as_str(), healthy) {
            ("/health", true) => Reply::json(200, "{}"),
            ("/health", false) => Reply::status(500),
            _ => Dialect::Chat.whole("x", COUNTS),
        }
    };
    ill.answer(serve(false));
    well.answer(serve(true));
    let check = json!({ "health_check": { "path": "/health", "interval": "100ms" } });
    let gateway = Gateway::start(replicas(&[ill.url(), well.url()], check)).await;
    let chats = |upstream: &Upstream| {
        upstream
            .requests()
            .iter()
            .filter(|seen| seen.method == "POST")
            .count()
    };
    e2e::eventually("both are checked a few times before any request", || {
        ill.calls() > 2 && well.calls() > 2
    })
    .await;
    for _ in 0..6 {
        gateway.ask(Dialect::Chat).await.is(200);
    }
    assert_eq!((chats(&ill), chats(&well)), (0, 6));
    ill.answer(serve(true));
    let start = std::time::Instant::now();
    while chats(&ill) == 0 {
        gateway.ask(Dialect::Chat).await.is(200);
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "a healthy replica comes back"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
