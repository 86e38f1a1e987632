//! What is refused: wrong keys, wrong paths, wrong methods, and heads beyond every bound.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Api, CONFIG, KEY};

#[tokio::test]
async fn without_the_key_nothing_is_told() {
    let api = Api::start(CONFIG).await;
    let begun = Instant::now();
    let missing = api.call("GET", "/api/health", "").await;
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "guesses are slowed"
    );
    missing.problem(401);
    assert_eq!(missing.header("www-authenticate"), Some("bearer"));
    for (target, headers) in [
        ("/api/health", "authorization: Bearer wrong\r\n".to_owned()),
        ("/api/health", "authorization: Bearer \r\n".to_owned()),
        ("/api/health", format!("authorization: Basic {KEY}\r\n")),
        ("/api/health", format!("x-api-key: {KEY}\r\n")),
        ("/api/requests/nobody", String::new()),
        ("/api/nothing-here", String::new()),
        ("/", String::new()),
    ] {
        let answer = api.call("GET", target, &headers).await;
        answer.problem(401);
        assert_eq!(answer.body, missing.body, "{target} {headers}");
    }
}

#[tokio::test]
async fn an_empty_key_lets_nobody_in() {
    for config in ["admin: { key: '' }", "{}"] {
        let api = Api::start(config).await;
        for headers in [
            "",
            "authorization: Bearer \r\n",
            "authorization: Bearer\r\n",
        ] {
            api.call("GET", "/api/health", headers).await.problem(401);
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let api = Api::start(CONFIG).await;
    for path in [
        "/",
        "/api",
        "/api/request",
        "/api/requests/",
        "/api/requests/a/b",
    ] {
        let detail = api.get(path).await.problem(404);
        assert!(detail.contains(path), "{detail}");
    }
    let answer = api.post("/api/requests").await;
    let detail = answer.problem(405);
    assert!(detail.contains("POST"), "{detail}");
    assert_eq!(answer.header("allow"), Some("get,head"));
    api.get("/api/reload").await.problem(405);
    api.get("/api/requests/%ff").await.problem(400);
}

#[tokio::test]
async fn the_number_of_headers_is_bounded() {
    let api = Api::start(CONFIG).await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert_eq!(api.call("GET", "/api/health", &many).await.status, 431);
}

#[tokio::test]
async fn a_head_without_end_is_not_gathered() {
    let api = Api::start(CONFIG).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nx-long: {}", "a".repeat(200 * 1024));
    // Either may fail: the server closes while much is still on its way.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 ");
    assert!(refused, "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_body_nobody_asked_for_is_not_read() {
    let api = Api::start(CONFIG).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /api/reload HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\
         content-length: 1000000000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Ends by itself: the connection cannot be used again and is closed.
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off() {
    let api = Api::start(CONFIG).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    stream
        .write_all(b"GET /api/health HTTP/1.1\r\nhost: a\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(cut.is_ok(), "still open after a minute");
}
