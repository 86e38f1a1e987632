//! Claude Code: Messages with many tools, cache marks, signed thinking, and pictures in results.

use e2e::streaming::Event;
use e2e::{CALLER_KEY, Call, Dialect, Reply};
use serde_json::{Value, json};

use super::converse::{Client, converse};
use super::desk::{Desk, model};
use super::{Heard, PNG, Saying, Use, heard};

const FIRST: &str = include_str!("../../../fixtures/claude_code.json");

struct ClaudeCode(Value);

fn post(path: &str, body: &Value) -> Call {
    Call::post(Dialect::Messages, path, body.to_string())
        .key(Dialect::Chat, CALLER_KEY)
        .header("anthropic-version", "2023-06-01")
        .header(
            "anthropic-beta",
            "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
        )
        .header("user-agent", "claude-cli/2.1.0 (external, cli)")
        .header("x-app", "cli")
}

impl ClaudeCode {
    fn say(&mut self, role: &str, content: Value) {
        let messages = self.0["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": role, "content": content }));
    }

    /// Its marks stand on the newest turn only.
    fn unmark(&mut self) {
        for message in self.0["messages"].as_array_mut().unwrap() {
            for block in message["content"].as_array_mut().into_iter().flatten() {
                block.as_object_mut().unwrap().remove("cache_control");
            }
        }
    }
}

impl Client for ClaudeCode {
    const FORMAT: Dialect = Dialect::Messages;
    const TOOLS: &'static [&'static str] = &[
        "Bash",
        "Edit",
        "Read",
        "TodoWrite",
        "AskUserQuestion",
        "mcp__issue-tracker__get_issue",
    ];

    fn new() -> ClaudeCode {
        ClaudeCode(serde_json::from_str(FIRST).unwrap())
    }

    fn call(&self, model: &str) -> Call {
        let mut body = self.0.clone();
        body["model"] = json!(model);
        post("/v1/messages?beta=true", &body)
    }

    fn read(events: &[Event]) -> Heard {
        heard::messages::read(events)
    }

    fn working() -> Saying {
        let call = |tool, input| Use { tool, input };
        Saying {
            thought: "They want to know two things.",
            text: "I look at both.",
            calls: vec![
                call(0, json!({ "command": "cargo test", "timeout": 600_000 })),
                call(2, json!({ "file_path": "/repo/ü \"1\".png" })),
                call(5, json!({ "number": 7 })),
            ],
        }
    }

    fn keep(&mut self, heard: &Heard) {
        assert_eq!(
            heard.stop,
            if heard.calls.is_empty() {
                "end_turn"
            } else {
                "tool_use"
            }
        );
        self.unmark();
        self.say("assistant", json!(heard.kept));
        let [bash, read, issue] = &heard.calls[..] else {
            return;
        };
        let picture = json!({ "type": "base64", "media_type": "image/png", "data": PNG });
        self.say("user", json!([
            { "type": "tool_result", "tool_use_id": bash.0, "content": "error: test failed", "is_error": true },
            { "type": "tool_result", "tool_use_id": read.0, "content": [{ "type": "image", "source": picture }] },
            {
                "type": "tool_result", "tool_use_id": issue.0, "content": [{ "type": "text", "text": "It is red." }],
                "cache_control": { "type": "ephemeral" },
            },
        ]));
    }

    fn ask(&mut self, text: &str) {
        let block =
            json!({ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } });
        self.unmark();
        self.say("user", json!([block]));
    }
}

#[tokio::test]
async fn claude_code_works_on_every_upstream() {
    converse::<ClaudeCode>().await;
}

#[tokio::test]
async fn claude_code_counts_its_tokens_on_every_upstream() {
    let desk = Desk::start().await;
    let count = |body: &'static str| move |_: &_| Reply::json(200, body);
    desk.upstream(Dialect::Messages)
        .answer(count(r#"{"input_tokens":777}"#));
    desk.upstream(Dialect::Gemini)
        .answer(count(r#"{"totalTokens":777}"#));
    for upstream in Dialect::ALL {
        let first = ClaudeCode::new().0;
        let body = json!({
            "model": model(upstream), "messages": first["messages"], "tools": first["tools"], "system": first["system"],
        });
        let answer = desk
            .ask(post("/v1/messages/count_tokens?beta=true", &body))
            .await;
        let tokens = answer.is(200).json()["input_tokens"].as_u64().unwrap();
        match upstream {
            Dialect::Messages | Dialect::Gemini => assert_eq!(tokens, 777, "{upstream:?}"),
            _ => assert!((100..2000).contains(&tokens), "{upstream:?}: {tokens}"),
        }
    }
}

/// These words make it compact the conversation and try again.
#[tokio::test]
async fn claude_code_is_told_that_its_prompt_is_too_long() {
    let desk = Desk::start().await;
    for (upstream, words) in [
        (
            Dialect::Chat,
            "This model's maximum context length is 400000 tokens. However, your messages resulted in 410000 tokens.",
        ),
        (
            Dialect::Responses,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
        ),
        (
            Dialect::Messages,
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        (
            Dialect::Gemini,
            "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
        ),
    ] {
        desk.upstream(upstream).always(upstream.fault(400, words));
        let answer = desk.ask(ClaudeCode::new().call(&model(upstream))).await;
        let refusal = answer.is(400).refusal(Dialect::Messages);
        assert_eq!(refusal.kind, "invalid_request_error");
        let told = refusal.message.to_lowercase();
        assert!(told.contains("prompt is too long"), "{upstream:?}: {told}");
    }
}
