//! Bodies and texts that mean harm: refused, or kept exactly as they are.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Api, CONFIG, KEY};
use super::users::alice;

/// Texts that mean something to somebody: SQL, HTML, shells, JSON, templates, terminals.
const TEXTS: [&str; 14] = [
    "'; DROP TABLE users; --",
    "\" OR \"\"=\"",
    "a' UNION SELECT hash FROM api_keys --",
    "<script>alert(1)</script>",
    "${TOLLGATE_ADMIN_KEY}",
    "{{7*7}}",
    "$(reboot) `id`",
    "%s%n%00",
    "\\u0000 \\x00",
    "?, ?1, :name, $1, @x",
    "{\"a\":[1",
    "🦀 Ω 日本語",
    "Robert\\'); --",
    "%25 _ \\% LIKE",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn texts_are_only_texts() {
    let api = Api::start(CONFIG).await;
    for text in TEXTS.iter().filter(|text| !text.contains('/')) {
        let body = json!({ "name": text, "note": text });
        let made = api.send("POST", "/api/users", &body).await;
        assert_eq!(made.status, 201, "{text}: {made:?}");
        let path = encoded(text);
        let shown = api.get(&format!("/api/users/{path}")).await.json();
        assert_eq!(
            (&shown["name"], &shown["note"]),
            (&json!(text), &json!(text))
        );
        let key = json!({ "user": text, "name": text });
        assert_eq!(api.send("POST", "/api/keys", &key).await.status, 201);
        let keys = api.get(&format!("/api/keys?user={path}")).await.json();
        assert_eq!(keys["items"][0]["name"], json!(text));
        let entry = json!({ "kind": "credit", "amount": 1, "note": text });
        let target = format!("/api/users/{path}/entries");
        assert_eq!(api.send("POST", &target, &entry).await.status, 201);
        let entries = api.get(&target).await.json();
        assert_eq!(entries["items"].as_array().unwrap().len(), 1);
        assert_eq!(entries["items"][0]["note"], json!(text));
        let log = api
            .get(&format!(
                "/api/audit?subject={}",
                encoded(&format!("user:{text}"))
            ))
            .await;
        assert_eq!(log.json()["items"].as_array().unwrap().len(), 2);
    }
    for text in TEXTS {
        let group = json!({ "name": text });
        let made = api.send("POST", "/api/groups", &group).await;
        assert_eq!(made.status, 201, "{text}: {made:?}");
        let shown = api.get(&format!("/api/groups/{}", encoded(text))).await;
        assert_eq!(shown.json()["name"], json!(text));
    }
    let users = api.get("/api/users").await.json();
    let count = TEXTS.iter().filter(|text| !text.contains('/')).count();
    assert_eq!(users["items"].as_array().unwrap().len(), count);
}

#[tokio::test]
async fn texts_that_cannot_be_seen_are_refused_everywhere() {
    let api = Api::start(CONFIG).await;
    alice(&api).await;
    for text in [
        "\0",
        "a\0b",
        "\u{1b}[31m",
        "a\u{202e}b",
        "\r\nx: y",
        "\u{7f}",
    ] {
        for (target, body) in [
            ("/api/users", json!({ "name": text })),
            (
                "/api/users",
                json!({ "name": "x", "note": format!("{text}\0") }),
            ),
            ("/api/keys", json!({ "name": text })),
            ("/api/groups", json!({ "name": text })),
            ("/api/models", json!({ "name": text })),
            ("/api/channels", json!({ "name": text })),
            (
                "/api/users/alice/entries",
                json!({ "kind": "credit", "amount": 1, "id": text }),
            ),
        ] {
            let refused = api.send("POST", target, &body).await;
            refused.problem(422);
            assert!(!refused.head.contains("x: y"));
        }
        api.get(&format!("/api/users/{}", encoded(text)))
            .await
            .problem(404);
    }
}

#[tokio::test]
async fn long_texts_are_refused_before_they_reach_the_store() {
    let api = Api::start(CONFIG).await;
    let long = "x".repeat(100_000);
    for (target, body) in [
        ("/api/users", json!({ "name": &long })),
        ("/api/users", json!({ "name": "a", "note": &long })),
        ("/api/users", json!({ "name": "a", "group": &long })),
        ("/api/keys", json!({ "name": "a", "models": [&long] })),
        ("/api/groups", json!({ "name": "a", "usable_by": [&long] })),
        ("/api/models", json!({ "name": &long })),
    ] {
        let refused = api.send("POST", target, &body).await;
        refused.problem(422);
        assert!(
            refused.body.len() < 2_000,
            "{target}: the text is not repeated"
        );
    }
    let cursor = "x".repeat(20_000);
    assert_eq!(
        api.get(&format!("/api/users?cursor={cursor}")).await.status,
        200
    );
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_without_repeating_it() {
    let api = Api::start(CONFIG).await;
    let deep = format!(
        "{{\"name\":\"a\",\"limits\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for body in [
        "[]",
        "5",
        "null",
        "\"sk-secret\"",
        "{",
        "{\"name\": sk-secret}",
        "{\"a\":1}{}",
        "{\"a\":1e999}",
        "\u{feff}{}",
        "{\"name\":\"\\ud800\"}",
        "{'name':'a'}",
        &deep,
    ] {
        let refused = api.send_with("POST", "/api/users", "", body).await;
        let detail = refused.problem(400);
        assert!(!detail.contains("secret"), "{detail}");
    }
    let nested = format!(
        "{{\"name\":\"a\",\"limits\":{}{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    api.send_with("POST", "/api/users", "", &nested)
        .await
        .problem(422);
    let typed = "content-type: text/plain\r\n";
    let head = format!("authorization: Bearer {KEY}\r\ncontent-length: 2\r\n{typed}");
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let request =
        format!("POST /api/users HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{head}\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
}

#[tokio::test]
async fn a_member_given_twice_is_refused() {
    let api = Api::start(CONFIG).await;
    let body = r#"{"name": "a", "role": "user", "role": "admin"}"#;
    let detail = api
        .send_with("POST", "/api/users", "", body)
        .await
        .problem(400);
    assert!(detail.contains("twice"), "{detail}");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let api = Api::start(CONFIG).await;
    let body = json!({ "name": "a", "note": "x".repeat(1 << 20) }).to_string();
    api.send_with("POST", "/api/users", "", &body)
        .await
        .problem(413);
    // Declared, and never sent: nobody waits for it.
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /api/users HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
         content-length: 1000000000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Without a length, counted.
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /api/users HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
    for _ in 0..20 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
}

#[tokio::test]
async fn changes_need_the_key_before_their_body_is_read() {
    let api = Api::start(CONFIG).await;
    for (method, target) in [
        ("POST", "/api/users"),
        ("POST", "/api/keys"),
        ("DELETE", "/api/users/alice"),
        ("POST", "/api/encryption/rotate"),
        ("GET", "/api/audit"),
        ("GET", "/api/config"),
    ] {
        let refused = api
            .call(method, target, "content-length: 100000000\r\n")
            .await;
        refused.problem(401);
    }
    assert_eq!(
        api.get("/api/audit").await.json()["items"],
        Value::Array(Vec::new())
    );
}

#[tokio::test]
async fn parameters_that_nothing_knows_are_refused_everywhere() {
    let api = Api::start(CONFIG).await;
    for (method, target) in [
        ("GET", "/api/users/alice"),
        ("POST", "/api/users"),
        ("DELETE", "/api/keys/x"),
        ("GET", "/api/requests"),
        ("GET", "/api/health"),
    ] {
        let query = "?dry_run=true&fields=a%0a";
        let refused = api
            .send(method, &format!("{target}{query}"), &json!({}))
            .await;
        let detail = refused.problem(400);
        assert!(
            detail.contains("`dry_run`") && detail.contains("`fields`"),
            "{detail}"
        );
    }
    assert_eq!(api.get("/api/health?").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_cut_off() {
    let api = Api::start(CONFIG).await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let head = format!(
        "POST /api/users HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\
         content-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let cut = stream.read_to_end(&mut answer);
    let cut = tokio::time::timeout(std::time::Duration::from_secs(120), cut).await;
    assert!(cut.is_ok(), "still open after two minutes");
    assert!(
        answer.starts_with(b"HTTP/1.1 503 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
