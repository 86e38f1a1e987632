//! The demo provider over a real listener, as a client sees it.
#![allow(clippy::unwrap_used)]

mod chat;
mod gemini;
mod messages;
mod responses;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use llm::tokens;

use super::{Pace, router_at};

/// A demo provider of its own for each test.
struct Demo {
    address: String,
}

impl Demo {
    async fn start() -> Demo {
        Demo::start_at(Pace::INSTANT).await
    }

    async fn start_at(pace: Pace) -> Demo {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router_at(pace)).await });
        Demo { address }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let url = format!("{}{path}", self.address);
        reqwest::Client::new()
            .post(url)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// A whole answer, which must be a 200.
    async fn whole(&self, path: &str, body: Value) -> Value {
        let response = self.post(path, &body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The events of a streamed answer: name and data.
    async fn events(&self, path: &str, body: Value) -> Vec<(String, String)> {
        let response = self.post(path, &body).await;
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        frames(&response.text().await.unwrap())
    }

    /// A refusal: its status and body.
    async fn refusal(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.post(path, &body).await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }
}

fn frames(text: &str) -> Vec<(String, String)> {
    assert!(text.ends_with("\n\n"), "the last frame is not closed");
    let frame = |frame: &str| {
        let line = |start: &str| frame.lines().find_map(|line| line.strip_prefix(start));
        let name = line("event: ").unwrap_or_default().to_owned();
        (name, line("data: ").unwrap().to_owned())
    };
    text.trim_end().split("\n\n").map(frame).collect()
}

fn parsed(events: &[(String, String)]) -> Vec<Value> {
    events
        .iter()
        .map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect()
}

/// The strings at `pointer` of each value, put together.
fn concat(values: &[Value], pointer: &str) -> String {
    values
        .iter()
        .filter_map(|value| value.pointer(pointer)?.as_str())
        .collect()
}

fn weather_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "city": { "type": "string" },
            "unit": { "type": "string", "enum": ["celsius", "fahrenheit"] },
        },
        "required": ["city", "unit"],
    })
}

#[tokio::test]
async fn a_stream_comes_in_pieces_over_time() {
    let pace = Pace {
        first: Duration::from_millis(60),
        each: Duration::from_millis(5),
    };
    let demo = Demo::start_at(pace).await;
    let body = json!({ "model": "demo-fast", "stream": true, "messages": [{ "role": "user", "content": "Why?" }] });
    let started = Instant::now();
    let mut response = demo.post("/v1/chat/completions", &body).await;
    let mut arrivals = Vec::new();
    while let Some(_chunk) = response.chunk().await.unwrap() {
        arrivals.push(started.elapsed());
    }
    assert!(
        arrivals[1] >= pace.first,
        "the first content came after {:?}",
        arrivals[1]
    );
    assert!(arrivals.len() > 20, "{} reads", arrivals.len());
    assert!(*arrivals.last().unwrap() > pace.first + pace.each * 20);
}

#[tokio::test]
async fn models_are_listed_in_the_callers_shape() {
    let demo = Demo::start().await;
    let get = async |path: &str, version: bool| -> Value {
        let mut request = reqwest::Client::new().get(format!("{}{path}", demo.address));
        if version {
            request = request.header("anthropic-version", "2023-06-01");
        }
        request.send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(get("/v1/models", false).await["object"], "list");
    assert_eq!(get("/v1/models", true).await["data"][0]["type"], "model");
    assert_eq!(
        get("/v1beta/models", false).await["models"][0]["name"],
        "models/demo-fast"
    );
    assert_eq!(get("/v1/models/demo-fast", false).await["id"], "demo-fast");
    assert_eq!(
        get("/v1/models/other", false).await["error"]["code"],
        "model_not_found"
    );
}

#[tokio::test]
async fn an_unknown_model_is_404_in_each_shape() {
    let demo = Demo::start().await;
    let asked = json!({
        "model": "no-such-model", "max_tokens": 9, "input": "x",
        "messages": [{ "role": "user", "content": "x" }], "contents": [{ "parts": [{ "text": "x" }] }],
    });
    for (path, pointer, wanted) in [
        ("/v1/chat/completions", "/error/code", "model_not_found"),
        ("/v1/responses", "/error/code", "model_not_found"),
        ("/v1/messages", "/error/type", "not_found_error"),
        (
            "/v1beta/models/no-such-model:generateContent",
            "/error/status",
            "NOT_FOUND",
        ),
    ] {
        let (status, body) = demo.refusal(path, asked.clone()).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(body.pointer(pointer).unwrap(), wanted, "{path}");
    }
}

#[test]
fn every_curl_line_carries_the_key_and_valid_json() {
    let lines = super::curl_lines("http://127.0.0.1:3000", "sk-demo");
    assert_eq!(lines.lines().count(), 4);
    for line in lines.lines() {
        assert!(line.contains("sk-demo"), "{line}");
        let body = line.split("-d '").nth(1).unwrap().trim_end_matches('\'');
        assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    }
}
