//! HTTP as attackers and odd clients speak it.

use std::time::{Duration, Instant};

use e2e::wire::{Wire, post_head};
use e2e::{CALLER_KEY, Counts, Dialect, Gateway, Reply, Setup, Upstream};

async fn house() -> (Upstream, Gateway) {
    let upstream = Upstream::saying(Dialect::Chat.whole("x", Counts::of(1, 1))).await;
    let gateway = Gateway::start(Setup::one(&upstream.url(), Dialect::Chat)).await;
    (upstream, gateway)
}

fn body() -> String {
    Dialect::Chat.ask("m", false).to_string()
}

#[tokio::test]
async fn expect_is_answered_before_the_body() {
    let (upstream, gateway) = house().await;
    for size in [0, 100_000] {
        let mut ask = Dialect::Chat.ask("m", false);
        ask["padding"] = serde_json::json!("x".repeat(size));
        let body = ask.to_string();
        let length = format!("content-length: {}", body.len());
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(post_head(
            "/v1/chat/completions",
            &[&length, "expect: 100-continue"],
        ))
        .await;
        assert_eq!(wire.head().await.unwrap().status, 100);
        wire.send(&body).await;
        assert_eq!(wire.answer().await.unwrap().0.status, 200);
        let sent = upstream.last_request();
        assert_eq!(
            sent.header("expect"),
            None,
            "the upstream need not wait for what is here"
        );
        assert_eq!(String::from_utf8_lossy(&sent.body), body);
    }
}

#[tokio::test]
async fn who_may_not_is_told_before_its_body_is_awaited() {
    let (_, gateway) = house().await;
    let head = post_head(
        "/v1/chat/completions",
        &["content-length: 1000000", "expect: 100-continue"],
    );
    let mut wire = Wire::open(&gateway.addr).await;
    wire.send(head.replace(CALLER_KEY, "sk-nobody-0123456789"))
        .await;
    assert_eq!(wire.head().await.unwrap().status, 401);
}

/// What two servers could read differently must not be read at all (RFC 9112, 6.1 and 6.3).
#[tokio::test]
async fn ambiguous_lengths_are_refused_and_smuggle_nothing() {
    let (upstream, gateway) = house().await;
    let body = body();
    let length = format!("content-length: {}", body.len());
    let smuggled = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CALLER_KEY}\r\ncontent-length: {}\r\n\r\n{}",
        30, r#"{"model":"smuggled","messages":"#
    );
    let rows: Vec<(&str, Vec<&str>, String)> = vec![
        (
            "a length and chunks",
            vec!["content-length: 5", "transfer-encoding: chunked"],
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "two lengths",
            vec!["content-length: 0", &length],
            body.clone(),
        ),
        (
            "a list of lengths",
            vec!["content-length: 0, 200"],
            body.clone(),
        ),
        ("a signed length", vec!["content-length: +5"], body.clone()),
        (
            "a negative length",
            vec!["content-length: -1"],
            body.clone(),
        ),
        ("no number", vec!["content-length: 0x10"], body.clone()),
        (
            "chunked not last",
            vec!["transfer-encoding: chunked, identity"],
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "chunked twice",
            vec!["transfer-encoding: chunked", "transfer-encoding: chunked"],
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "an unknown coding",
            vec!["transfer-encoding: xchunked"],
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "a space before the colon",
            vec!["transfer-encoding : chunked"],
            format!("0\r\n\r\n{smuggled}"),
        ),
        (
            "a vertical tab",
            vec!["transfer-encoding: \u{b}chunked"],
            format!("0\r\n\r\n{smuggled}"),
        ),
    ];
    for (what, lines, body) in rows {
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(post_head("/v1/chat/completions", &lines) + &body)
            .await;
        if let Some((head, answer)) = wire.answer().await {
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(
                (400..502).contains(&head.status),
                "{what}: {} {text}",
                head.status
            );
        }
        let seen = upstream.requests();
        assert!(
            seen.iter()
                .all(|seen| !seen.everything().contains("smuggled")),
            "{what}"
        );
    }
    // A well-behaved request afterwards is not harmed.
    assert_eq!(gateway.ask(Dialect::Chat).await.status, 200);
}

#[tokio::test]
async fn bad_chunks_are_refused() {
    let (upstream, gateway) = house().await;
    for (what, bytes) in [
        ("no hexadecimal", "zz\r\nabc\r\n0\r\n\r\n"),
        (
            "a size beyond 64 bits",
            "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        ),
        ("a negative size", "-1\r\nabc\r\n0\r\n\r\n"),
        ("no line end after the data", "3\r\nabcd\r\n0\r\n\r\n"),
    ] {
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(post_head("/v1/chat/completions", &["transfer-encoding: chunked"]) + bytes)
            .await;
        if let Some(head) = wire.head().await {
            assert!((400..500).contains(&head.status), "{what}: {}", head.status);
        }
    }
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn huge_and_many_headers_are_refused() {
    let (upstream, gateway) = house().await;
    let huge = format!("x-huge: {}", "a".repeat(2 * 1024 * 1024));
    let many: Vec<String> = (0..2000).map(|n| format!("x-{n}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (what, lines) in [("huge", vec![huge.as_str()]), ("many", many)] {
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(post_head("/v1/chat/completions", &lines)).await;
        if let Some(head) = wire.head().await {
            assert!((400..500).contains(&head.status), "{what}: {}", head.status);
        }
    }
    assert_eq!(upstream.calls(), 0);
    assert_eq!(
        gateway.ask(Dialect::Chat).await.status,
        200,
        "the gateway is none the worse"
    );
}

#[tokio::test]
async fn a_client_that_leaves_in_its_own_request_costs_no_upstream() {
    let (upstream, gateway) = house().await;
    for lines in [["content-length: 1000"], ["transfer-encoding: chunked"]] {
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(post_head("/v1/chat/completions", &lines) + "5\r\n{\"mod\r\n")
            .await;
        drop(wire);
    }
    assert_eq!(gateway.ask(Dialect::Chat).await.status, 200);
    assert_eq!(upstream.calls(), 1, "only the whole request went on");
    gateway.metric_is("tollgate_in_flight", &[], 0.0).await;
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_turn() {
    let (upstream, gateway) = house().await;
    let body = body();
    let one = post_head(
        "/v1/chat/completions",
        &[&format!("content-length: {}", body.len())],
    ) + &body;
    let mut wire = Wire::open(&gateway.addr).await;
    wire.send(one.repeat(3)).await;
    let mut answered = 0;
    while let Some((head, _)) = wire.answer().await {
        assert_eq!(head.status, 200);
        answered += 1;
        if answered == 3 {
            break;
        }
    }
    // A server may close instead of answering what was sent ahead; it may not mix them up.
    assert!(answered >= 1);
    assert_eq!(upstream.calls(), answered);
}

#[tokio::test]
async fn interim_heads_of_the_upstream_do_no_harm() {
    let (upstream, gateway) = house().await;
    for stream in [false, true] {
        let reply = match stream {
            true => Dialect::Chat.stream(&["x"], Counts::of(1, 1)),
            false => Dialect::Chat.whole("x", Counts::of(1, 1)),
        };
        upstream.then(reply.after_interim(103).after_interim(103));
        let answer = e2e::Call::ask(Dialect::Chat, "m", stream)
            .send(&gateway)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains('x'));
        assert_eq!(gateway.record(answer.id()).await["end"], "complete");
    }
}

#[tokio::test]
async fn an_upstream_that_answers_before_it_read_is_heard() {
    let (upstream, gateway) = house().await;
    upstream.then(Dialect::Chat.fault(413, "too much").without_reading());
    let mut ask = Dialect::Chat.ask("m", false);
    ask["padding"] = serde_json::json!("x".repeat(3_000_000));
    let answer = e2e::Call::json(Dialect::Chat, "m", false, &ask)
        .send(&gateway)
        .await;
    // The kernel may reset before the answer is read: then it is an upstream that failed.
    assert!(
        matches!(answer.status, 413 | 502),
        "{} {}",
        answer.status,
        answer.text()
    );
}

#[tokio::test]
async fn a_slow_client_of_a_big_answer_loses_nothing() {
    let (upstream, gateway) = house().await;
    let text = "0123456789".repeat(200_000);
    let reply = Dialect::Chat.whole(&text, Counts::of(1, 1));
    let whole = reply.whole_body();
    upstream.then(reply);
    let body = body();
    let mut wire = Wire::open(&gateway.addr).await;
    wire.send(
        post_head(
            "/v1/chat/completions",
            &[&format!("content-length: {}", body.len())],
        ) + &body,
    )
    .await;
    let head = wire.head().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let length: usize = head
        .header("content-length")
        .expect("a known length stays known")
        .parse()
        .unwrap();
    assert_eq!(length, whole.len());
    assert!(wire.exactly(length).await == whole);
}

#[tokio::test]
async fn head_and_body_written_apart_arrive_without_a_step() {
    let (upstream, gateway) = house().await;
    upstream.always(Dialect::Chat.whole("x", Counts::of(1, 1)).in_bites(100));
    let client = e2e::call::keeping_client();
    let call = e2e::Call::ask(Dialect::Chat, "m", false);
    call.send_with(&client, &gateway.addr).await.is(200);
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        call.send_with(&client, &gateway.addr).await;
        times.push(start.elapsed());
    }
    times.sort();
    // Nagle against delayed acknowledgements costs 40 ms on every one; a busy machine on some.
    assert!(times[2] < Duration::from_millis(35), "{times:?}");
    // The next request may come before the last one's connection is back in the pool.
    assert!(
        upstream.connections() < 10,
        "kept alive: {}",
        upstream.connections()
    );
}

#[tokio::test]
async fn an_answer_without_a_body_is_no_answer() {
    let (upstream, gateway) = house().await;
    upstream.then(Reply::status(204));
    let answer = gateway.ask(Dialect::Chat).await;
    assert!(matches!(answer.status, 204 | 502), "{}", answer.status);
}

#[tokio::test]
async fn an_old_client_gets_no_chunks() {
    let (upstream, gateway) = house().await;
    for stream in [false, true] {
        upstream.then(match stream {
            true => Dialect::Chat.stream(&["a", "b"], Counts::of(1, 1)),
            false => Dialect::Chat.whole("ab", Counts::of(1, 1)),
        });
        let body = Dialect::Chat.ask("m", stream).to_string();
        let length = format!("content-length: {}", body.len());
        let head = post_head("/v1/chat/completions", &[&length]).replace("HTTP/1.1", "HTTP/1.0");
        let mut wire = Wire::open(&gateway.addr).await;
        wire.send(head + &body).await;
        let (head, answer) = wire.answer().await.unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(
            head.header("transfer-encoding"),
            None,
            "HTTP/1.0 knows no chunks (RFC 9112, 6.1); stream {stream}"
        );
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.ends_with("data: [DONE]\n\n") || answer.ends_with('}'),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_websocket_for_responses_is_refused_at_once() {
    let (upstream, gateway) = house().await;
    let mut wire = Wire::open(&gateway.addr).await;
    wire.send(format!(
        "GET /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CALLER_KEY}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ))
    .await;
    let head = wire.head().await.unwrap();
    assert!(
        matches!(head.status, 405 | 426),
        "clients fall back to a stream: {}",
        head.status
    );
    assert_eq!(upstream.calls(), 0);
}
