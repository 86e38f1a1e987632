//! HTTP/2 and TLS on both legs.

use std::time::Duration;

use e2e::{
    Call, Counts, Cut, Dialect, Gateway, Identity, Reply, Setup, Upstream, altered, channel,
};
use serde_json::{Value, json};

const COUNTS: Counts = Counts::of(3, 2);

/// Asks whole and streamed, over `upstream`, and checks text and record.
async fn works(gateway: &Gateway, upstream: &Upstream) {
    for stream in [false, true] {
        upstream.then(match stream {
            true => Dialect::Chat.stream(&["a", "b"], COUNTS),
            false => Dialect::Chat.whole("ab", COUNTS),
        });
        let answer = Call::ask(Dialect::Chat, "m", stream).send(gateway).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = gateway.record(answer.id()).await;
        assert_eq!(
            (&record["end"], &record["usage"]["output"]),
            (&json!("complete"), &json!(2)),
            "{record}"
        );
    }
}

fn with(upstream: &Upstream, change: Value) -> Setup {
    Setup::new().channel(altered(
        channel("main", &upstream.url(), Dialect::Chat),
        change,
    ))
}

#[tokio::test]
async fn an_upstream_may_speak_http2_in_the_clear() {
    let upstream = Upstream::start_h2c().await;
    let gateway = Gateway::start(with(&upstream, json!({ "options": { "h2c": true } }))).await;
    works(&gateway, &upstream).await;
    let seen = upstream.last_request();
    assert_eq!(seen.version, "HTTP/2.0");
    assert_eq!(seen.target, "/v1/chat/completions");
    assert_eq!(
        seen.header("authorization"),
        Some("Bearer sk-upstream-main")
    );
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!(seen.header("connection"), None);
}

#[tokio::test]
async fn http2_failures_follow_the_table() {
    let first = Upstream::start_h2c().await;
    let second = Upstream::saying(Dialect::Chat.whole("second", COUNTS)).await;
    let steady = json!({
        "priority": 9,
        "options": { "h2c": true },
        "breaker": { "failures": 1000, "window": "30s", "open": "30s" },
    });
    let setup = with(&first, steady).channel(channel("second", &second.url(), Dialect::Chat));
    let gateway = Gateway::start(setup).await;
    first.then(Dialect::Chat.fault(503, "no"));
    gateway.ask(Dialect::Chat).await.is(200);
    first.then(Reply::hang_up(Cut::Rst));
    let answer = gateway.ask(Dialect::Chat).await;
    assert_eq!(answer.status, 200, "a reset stream: {}", answer.text());
    second.then(Dialect::Chat.stream(&["second"], COUNTS));
    let early = Dialect::Chat
        .stream(&["x"], COUNTS)
        .paced(Duration::from_millis(20));
    first.then(early.cut_after_pieces(1, Cut::Rst));
    let answer = Call::ask(Dialect::Chat, "m", true).send(&gateway).await;
    assert!(
        answer.is(200).text().contains("second"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn big_bodies_travel_over_http2_upstreams() {
    let upstream = Upstream::start_h2c().await;
    let gateway = Gateway::start(with(&upstream, json!({ "options": { "h2c": true } }))).await;
    for size in [65_537, 1_000_000] {
        for http2 in [false, true] {
            upstream
                .then(Dialect::Chat.fault(503, "no"))
                .then(Dialect::Chat.whole(&"y".repeat(size), COUNTS));
            let mut ask = Dialect::Chat.ask("m", false);
            ask["padding"] = json!("x".repeat(size));
            let call = Call::json(Dialect::Chat, "m", false, &ask);
            let first = if http2 {
                call.clone().over_http2()
            } else {
                call.clone()
            };
            first.send(&gateway).await.is(503);
            let again = if http2 { call.over_http2() } else { call };
            let answer = again.send(&gateway).await;
            assert_eq!(Dialect::Chat.text_of(&answer.is(200).json()).len(), size);
            assert_eq!(upstream.last_request().body.len(), ask.to_string().len());
        }
    }
}

#[tokio::test]
async fn an_upstream_behind_tls_is_checked_against_its_authority() {
    let identity = Identity::new();
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"][..], &["h2"][..]] {
        let upstream = Upstream::start_tls(&identity, alpn).await;
        let gateway = Gateway::start_with(
            with(&upstream, json!({ "tls": { "ca": "ca.pem" } })),
            |folder| {
                identity.write(folder);
            },
        )
        .await;
        works(&gateway, &upstream).await;
        let expected = if alpn[0] == "h2" {
            "HTTP/2.0"
        } else {
            "HTTP/1.1"
        };
        assert_eq!(upstream.last_request().version, expected);
    }
    let upstream = Upstream::start_tls(&identity, &["http/1.1"]).await;
    let strict = Gateway::start(with(&upstream, json!({}))).await;
    strict.ask(Dialect::Chat).await.is(502);
    assert_eq!(upstream.calls(), 0, "nothing is sent to a stranger");
    let trusting = Gateway::start(with(&upstream, json!({ "tls": { "verify": false } }))).await;
    works(&trusting, &upstream).await;
}

#[tokio::test]
async fn clients_may_come_over_tls() {
    let identity = Identity::new();
    let upstream = Upstream::start().await;
    let listen = json!({ "gateway": { "listen": [
        "127.0.0.1:0",
        { "address": "127.0.0.1:0", "tls": { "cert": "cert.pem", "key": "key.pem" } },
    ] } });
    let setup = with(&upstream, json!({})).with(listen);
    let gateway = Gateway::start_with(setup, |folder| {
        identity.write(folder);
    })
    .await;
    works(&gateway, &upstream).await;
    let addresses = gateway.process.values("listening gateway=");
    let secure = addresses
        .iter()
        .find(|address| **address != gateway.addr)
        .expect("two listeners");
    let port = secure.rsplit_once(':').unwrap().1;
    let ca = reqwest::Certificate::from_pem(identity.authority_pem().as_bytes()).unwrap();
    let client = || {
        reqwest::Client::builder()
            .no_proxy()
            .add_root_certificate(ca.clone())
    };
    for (client, version) in [
        (client().build().unwrap(), reqwest::Version::HTTP_2),
        (
            client().http1_only().build().unwrap(),
            reqwest::Version::HTTP_11,
        ),
    ] {
        let health = client
            .get(format!("https://localhost:{port}/healthz"))
            .send()
            .await
            .unwrap();
        assert_eq!((health.status().as_u16(), health.version()), (200, version));
        upstream.then(Dialect::Chat.whole("x", COUNTS));
        let call = Call::ask(Dialect::Chat, "m", false);
        call.send_with(&client, &format!("https://localhost:{port}"))
            .await
            .is(200);
    }
}

#[tokio::test]
async fn http2_clients_stream_and_are_refused_like_others() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(with(&upstream, json!({}))).await;
    for dialect_stream in [true, false] {
        upstream.then(match dialect_stream {
            true => Dialect::Chat.stream(&["a", "b"], COUNTS),
            false => Dialect::Chat.whole("ab", COUNTS),
        });
        let answer = Call::ask(Dialect::Chat, "m", dialect_stream)
            .over_http2()
            .send(&gateway)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("connection"), None);
        assert_eq!(gateway.record(answer.id()).await["end"], "complete");
    }
    Call::ask(Dialect::Chat, "m", false)
        .over_http2()
        .anonymous()
        .send(&gateway)
        .await
        .is(401);
    Call::get("/nowhere")
        .over_http2()
        .send(&gateway)
        .await
        .is(404);
    upstream.then(Dialect::Chat.fault(400, "no"));
    Call::ask(Dialect::Chat, "m", false)
        .over_http2()
        .send(&gateway)
        .await
        .is(400);
}

#[tokio::test]
async fn an_http2_client_that_resets_its_stream_is_noticed() {
    let upstream = Upstream::start().await;
    let gateway = Gateway::start(with(&upstream, json!({}))).await;
    upstream.then(
        Dialect::Chat
            .stream(&["a", "b"], COUNTS)
            .stalled_after_pieces(2),
    );
    let mut stream = Call::ask(Dialect::Chat, "m", true)
        .over_http2()
        .open(&gateway)
        .await;
    let id = stream.id();
    stream.first_text(Dialect::Chat).await;
    drop(stream);
    upstream.wait_for_hang_up().await;
    assert_eq!(gateway.record(&id).await["end"], "client_gone");
}

#[tokio::test]
async fn many_streams_share_one_http2_connection() {
    let upstream = Upstream::saying(
        Dialect::Chat
            .stream(&["a ", "b "], COUNTS)
            .paced(Duration::from_millis(20)),
    )
    .await;
    let gateway = Gateway::start(with(&upstream, json!({}))).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let mut running = tokio::task::JoinSet::new();
    for n in 0..30 {
        let (client, addr) = (client.clone(), gateway.addr.clone());
        running.spawn(async move {
            let mut ask = Dialect::Chat.ask("m", true);
            // Some of them beyond the proxy's retry buffer.
            ask["padding"] = json!("x".repeat(n * 5000));
            Call::json(Dialect::Chat, "m", true, &ask)
                .send_with(&client, &addr)
                .await
        });
    }
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        assert!(
            answer.is(200).text().ends_with("data: [DONE]\n\n"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(gateway.records(30).await.len(), 30);
}
