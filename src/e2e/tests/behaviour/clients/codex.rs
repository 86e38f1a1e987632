//! Codex CLI: Responses without state, a tool with a grammar, reasoning kept encrypted.

use e2e::streaming::Event;
use e2e::{CALLER_KEY, Call, Dialect};
use serde_json::{Value, json};

use super::converse::{Client, converse};
use super::desk::{Desk, model};
use super::{Heard, PNG, Saying, Use, heard};

const FIRST: &str = include_str!("../../../fixtures/codex.json");

const PATCH: &str = "*** Begin Patch\n*** Add File: ü.md\n+a \"quoted\" \\ line\n*** End Patch\n";

struct Codex(Value);

fn post(body: &Value) -> Call {
    Call::post(Dialect::Responses, "/v1/responses", body.to_string())
        .header("accept", "text/event-stream")
        .header("originator", "codex_cli_rs")
        .header("session_id", "0199a000-1111-7222-8333-444444444444")
        .header("user-agent", "codex_cli_rs/0.98.0")
}

impl Codex {
    fn item(&mut self, item: Value) {
        self.0["input"].as_array_mut().unwrap().push(item);
    }

    /// Its words are without ids: nothing is stored.
    fn replay(&mut self, item: &Value) {
        let mut item = item.clone();
        let fields = item.as_object_mut().unwrap();
        fields.remove("id");
        fields.remove("status");
        if fields["type"] == "reasoning" {
            fields.insert("content".to_owned(), Value::Null);
        }
        self.item(item);
    }
}

impl Client for Codex {
    const FORMAT: Dialect = Dialect::Responses;
    const TOOLS: &'static [&'static str] =
        &["exec_command", "update_plan", "apply_patch", "view_image"];

    fn new() -> Codex {
        Codex(serde_json::from_str(FIRST).unwrap())
    }

    fn call(&self, model: &str) -> Call {
        let mut body = self.0.clone();
        body["model"] = json!(model);
        post(&body)
    }

    fn read(events: &[Event]) -> Heard {
        heard::responses::read(events)
    }

    fn working() -> Saying {
        let call = |tool, input| Use { tool, input };
        Saying {
            thought: "A file is to be added.",
            text: "I add it.",
            calls: vec![
                call(0, json!({ "cmd": "ls -la", "yield_time_ms": 1000 })),
                call(2, json!(PATCH)),
                call(3, json!({ "path": "/repo/a.png" })),
            ],
        }
    }

    fn keep(&mut self, heard: &Heard) {
        heard.kept.iter().for_each(|item| self.replay(item));
        let [ls, patch, view] = &heard.calls[..] else {
            return;
        };
        let picture =
            json!({ "type": "input_image", "image_url": format!("data:image/png;base64,{PNG}") });
        let output = |kind: &str, id: &str, output: Value| json!({ "type": kind, "call_id": id, "output": output });
        self.item(output(
            "function_call_output",
            &ls.0,
            json!("Exit code: 0\nOutput:\na.png\n"),
        ));
        self.item(output(
            "custom_tool_call_output",
            &patch.0,
            json!("Success."),
        ));
        self.item(output("function_call_output", &view.0, json!([picture])));
    }

    fn ask(&mut self, text: &str) {
        self.item(json!({
            "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }],
        }));
    }
}

#[tokio::test]
async fn codex_works_on_every_upstream() {
    converse::<Codex>().await;
}

#[tokio::test]
async fn codex_is_told_what_became_of_the_grammar() {
    let desk = Desk::start().await;
    for upstream in Dialect::ALL {
        desk.will_say(upstream, Codex::working());
        let stream = desk.open(Codex::new().call(&model(upstream))).await;
        let dropped = stream.headers.get("x-tollgate-dropped");
        let dropped = dropped.map_or("", |names| names.to_str().unwrap());
        let told = dropped.split(',').any(|name| name == "tools.format");
        let binds = matches!(upstream, Dialect::Chat | Dialect::Responses);
        assert_eq!(told, !binds, "{upstream:?}: {dropped}");
        let got = desk.got(upstream).to_string();
        assert!(
            got.contains("start: begin_patch"),
            "{upstream:?} is told of it: {got}"
        );
    }
}

#[tokio::test]
async fn a_tool_that_only_openai_runs_is_refused_elsewhere() {
    let desk = Desk::start().await;
    let mut codex = Codex::new();
    let tools = codex.0["tools"].as_array_mut().unwrap();
    tools.push(json!({ "type": "web_search", "external_web_access": false }));
    for upstream in [Dialect::Chat, Dialect::Messages, Dialect::Gemini] {
        let answer = desk.ask(codex.call(&model(upstream))).await;
        let refusal = answer.is(400).refusal(Dialect::Responses);
        assert_eq!(refusal.param.as_deref(), Some("tools"), "{refusal:?}");
        assert!(refusal.message.contains("web_search"), "{refusal:?}");
        assert_eq!(desk.upstream(upstream).calls(), 0);
    }
}

#[tokio::test]
async fn codex_learns_at_once_that_there_is_no_websocket() {
    let desk = Desk::start().await;
    let mut wire = e2e::Wire::open(&desk.gateway.addr).await;
    let head = format!(
        "GET /v1/responses HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {CALLER_KEY}\r\n\
         connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nopenai-beta: responses_websockets=2026-02-06\r\n\r\n"
    );
    let started = std::time::Instant::now();
    wire.send(head).await;
    let (head, body) = wire.answer().await.unwrap();
    assert_eq!(head.status, 426, "{}", String::from_utf8_lossy(&body));
    assert!(started.elapsed().as_secs() < 2);
}
