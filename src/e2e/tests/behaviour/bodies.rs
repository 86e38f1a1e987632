//! Request bodies of every size and framing arrive whole, also at the second and third attempt.

use e2e::wire::{Wire, chunked, post_head};
use e2e::{Call, Counts, Dialect, Gateway, Refusing, Setup, Upstream, altered, channel};
use serde_json::json;

/// Around the sizes where a proxy changes its ways: nothing, a packet, its 64 KiB retry buffer,
/// twice that, several reads, many reads.
const SIZES: [usize; 8] = [0, 10, 65_535, 65_536, 65_537, 131_072, 200_000, 5_000_000];

/// A chat request of exactly `size` bytes where that is possible, and of its smallest otherwise.
fn body(size: usize) -> Vec<u8> {
    let mut body = br#"{"model":"m","messages":[{"role":"user","content":""#.to_vec();
    let end = br#""}]}"#;
    let fill = size.saturating_sub(body.len() + end.len());
    // No two pages alike, so that swapped or repeated parts are noticed.
    body.extend((0..fill).map(|at| b'a' + (at / 7 % 26) as u8));
    body.extend_from_slice(end);
    body
}

/// How the attempts before the one that succeeds fail.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    RateLimited,
    TwiceUnavailable,
    NoConnection,
}

struct House {
    gateway: Gateway,
    upstream: Upstream,
    _refusing: Refusing,
}

/// Models name the failures: `m` fails as scripted, `refused` first meets a closed port.
async fn house() -> House {
    let upstream = Upstream::start().await;
    let refusing = Refusing::start();
    let steady = json!({ "breaker": { "failures": 1000, "window": "30s", "open": "30s" } });
    let at = |name: &str, url: &str, model: &str, priority: i32| {
        let row = json!({ "models": [model], "priority": priority });
        altered(
            altered(channel(name, url, Dialect::Chat), steady.clone()),
            row,
        )
    };
    let setup = Setup::new()
        .channel(at("a", &upstream.url(), "m", 3))
        .channel(at("b", &upstream.url(), "m", 2))
        .channel(at("c", &upstream.url(), "m", 1))
        .channel(at("closed", &refusing.url(), "r", 3))
        .channel(at("open", &upstream.url(), "r", 2));
    House {
        gateway: Gateway::start(setup).await,
        upstream,
        _refusing: refusing,
    }
}

impl House {
    /// Sends `body` and checks that every attempt that reached the upstream had all of it.
    async fn carries(
        &self,
        size: usize,
        before: Before,
        stream: bool,
        send: impl AsyncFnOnce(&Gateway, Vec<u8>) -> u16,
    ) {
        let mut body = body(size);
        if matches!(before, Before::NoConnection) {
            body = String::from_utf8(body)
                .unwrap()
                .replacen(r#""model":"m""#, r#""model":"r""#, 1)
                .into_bytes();
        }
        if stream {
            body = String::from_utf8(body)
                .unwrap()
                .replacen(
                    '{',
                    r#"{"stream":true,"stream_options":{"include_usage":true},"#,
                    1,
                )
                .into_bytes();
        }
        let failures = match before {
            Before::Nothing | Before::NoConnection => vec![],
            Before::RateLimited => vec![429],
            Before::TwiceUnavailable => vec![503, 503],
        };
        let earlier = self.upstream.calls();
        for status in &failures {
            self.upstream.then(Dialect::Chat.fault(*status, "not now"));
        }
        self.upstream.then(match stream {
            true => Dialect::Chat.stream(&["x"], Counts::of(1, 1)),
            false => Dialect::Chat.whole("x", Counts::of(1, 1)),
        });
        let status = send(&self.gateway, body.clone()).await;
        let what = format!("{size} bytes after {before:?}, stream {stream}");
        assert_eq!(status, 200, "{what}");
        let attempts = &self.upstream.requests()[earlier..];
        assert_eq!(attempts.len(), failures.len() + 1, "{what}");
        for attempt in attempts {
            assert!(
                attempt.body == body,
                "{what}: {} bytes came, {} were sent",
                attempt.body.len(),
                body.len()
            );
        }
    }
}

const BEFORE: [Before; 4] = [
    Before::Nothing,
    Before::RateLimited,
    Before::TwiceUnavailable,
    Before::NoConnection,
];

fn call(body: Vec<u8>) -> Call {
    Call::post(Dialect::Chat, "/v1/chat/completions", body)
}

#[tokio::test]
async fn with_a_length() {
    let house = house().await;
    for size in SIZES {
        for before in BEFORE {
            for stream in [false, true] {
                house
                    .carries(size, before, stream, async |gateway, body| {
                        call(body).send(gateway).await.status
                    })
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn without_a_length() {
    let house = house().await;
    for size in SIZES {
        for before in BEFORE {
            for stream in [false, true] {
                house
                    .carries(size, before, stream, async |gateway, body| {
                        call(body).without_length().send(gateway).await.status
                    })
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn over_http2_with_and_without_a_length() {
    let house = house().await;
    for size in SIZES {
        for before in [Before::Nothing, Before::TwiceUnavailable] {
            for stream in [false, true] {
                house
                    .carries(size, before, stream, async |gateway, body| {
                        call(body).over_http2().send(gateway).await.status
                    })
                    .await;
                house
                    .carries(size, before, stream, async |gateway, body| {
                        call(body)
                            .over_http2()
                            .without_length()
                            .send(gateway)
                            .await
                            .status
                    })
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn in_chunks_and_writes_of_any_size() {
    let house = house().await;
    for (size, chunk, write) in [
        (300, 1, 1),
        (300, 7, 3),
        (70_000, 1000, 999),
        (200_000, 65_536, 10_000),
        (200_000, 200_000, 65_536),
    ] {
        for before in [Before::Nothing, Before::RateLimited] {
            house
                .carries(size, before, false, async |gateway, body| {
                    let mut wire = Wire::open(&gateway.addr).await;
                    wire.send(post_head(
                        "/v1/chat/completions",
                        &["transfer-encoding: chunked"],
                    ))
                    .await;
                    wire.send_in_bites(&chunked(&body, chunk), write).await;
                    wire.answer().await.expect("an answer").0.status
                })
                .await;
        }
    }
}

#[tokio::test]
async fn one_after_another_on_the_same_connection() {
    let house = house().await;
    let mut wire = Wire::open(&house.gateway.addr).await;
    for (size, whole) in [
        (100, true),
        (70_000, false),
        (100, false),
        (200_000, true),
        (70_000, true),
    ] {
        house
            .upstream
            .then(Dialect::Chat.whole("x", Counts::of(1, 1)));
        let body = body(size);
        if whole {
            let length = format!("content-length: {}", body.len());
            wire.send(post_head("/v1/chat/completions", &[&length]))
                .await;
            wire.send(&body).await;
        } else {
            wire.send(post_head(
                "/v1/chat/completions",
                &["transfer-encoding: chunked"],
            ))
            .await;
            wire.send(chunked(&body, 5000)).await;
        }
        let (head, answer) = wire.answer().await.expect("the connection stays");
        assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&answer));
        assert!(house.upstream.last_request().body == body);
    }
}

#[tokio::test]
async fn a_refusal_does_not_spoil_the_connection() {
    let house = house().await;
    let mut wire = Wire::open(&house.gateway.addr).await;
    let bad = b"{\"model\":";
    let length = format!("content-length: {}", bad.len());
    wire.send(post_head("/v1/chat/completions", &[&length]))
        .await;
    wire.send(bad).await;
    assert_eq!(wire.answer().await.unwrap().0.status, 400);
    house
        .upstream
        .then(Dialect::Chat.whole("x", Counts::of(1, 1)));
    let body = body(100);
    let length = format!("content-length: {}", body.len());
    wire.send(post_head("/v1/chat/completions", &[&length]))
        .await;
    wire.send(&body).await;
    assert_eq!(
        wire.answer().await.expect("the connection stays").0.status,
        200
    );
}
