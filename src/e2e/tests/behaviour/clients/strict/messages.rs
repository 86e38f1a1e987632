//! Anthropic Messages.

use serde_json::Value;

use super::{keys, list, names, object_schema, some, text, word};

/// The most cache marks of a request.
const MARKS: usize = 4;

pub(super) fn check(body: &Value) {
    keys(
        "a request",
        body,
        &[
            "model",
            "max_tokens",
            "messages",
            "system",
            "temperature",
            "top_p",
            "top_k",
            "stop_sequences",
            "stream",
            "metadata",
            "service_tier",
            "tools",
            "tool_choice",
            "thinking",
            "output_config",
            "context_management",
            "cache_control",
        ],
    );
    let most = body["max_tokens"].as_u64().unwrap();
    if body["thinking"]["type"] == "enabled" {
        let budget = body["thinking"]["budget_tokens"].as_u64().unwrap();
        assert!(
            (1024..most).contains(&budget),
            "a budget of {budget} in {most}"
        );
    }
    names(some("tools", &body["tools"]).iter().map(tool));
    for block in some_blocks(&body["system"]) {
        keys("a system block", block, &["type", "text", "cache_control"]);
        text("a system block", &block["text"]);
    }
    conversation(list("messages", &body["messages"]));
    thinks(body);
    let marks = body.to_string().matches(r#""cache_control""#).count();
    assert!(marks <= MARKS, "{marks} cache marks");
}

fn tool(tool: &Value) -> &str {
    let known = [
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
    ];
    keys("a tool", tool, &known);
    object_schema("input_schema", &tool["input_schema"]);
    word("a tool's name", &tool["name"], 128, "_-")
}

/// Blocks; a string is one.
fn some_blocks(content: &Value) -> &[Value] {
    match content {
        Value::String(said) => {
            assert!(!said.trim().is_empty(), "an empty text");
            &[]
        }
        blocks => some("content", blocks),
    }
}

/// The user begins, roles alternate, and the calls of a turn have their results in the next, first.
fn conversation(messages: &[Value]) {
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        keys("a message", message, &["role", "content"]);
        let wanted = if at % 2 == 0 { "user" } else { "assistant" };
        assert_eq!(message["role"], wanted, "message {at}: {message}");
        let blocks = some_blocks(&message["content"]);
        let results = |block: &&Value| block["type"] == "tool_result";
        let first = blocks.iter().take_while(results).count();
        assert_eq!(
            first,
            blocks.iter().filter(results).count(),
            "results come first: {message}"
        );
        for block in &blocks[..first] {
            let id = text("a result's id", &block["tool_use_id"]);
            let known = open.iter().position(|known| *known == id);
            open.remove(known.unwrap_or_else(|| panic!("a result for no call: {block}")));
        }
        assert!(open.is_empty(), "{open:?} have no results in {message}");
        for block in blocks {
            self::block(block);
            if block["type"] == "tool_use" {
                open.push(word("a call's id", &block["id"], 128, "_-"));
            }
        }
    }
    assert!(open.is_empty(), "{open:?} have no results");
}

/// With a budget for thinking, a step whose results come now began with its thinking.
fn thinks(body: &Value) {
    let messages = list("messages", &body["messages"]);
    let [.., step, results] = messages else {
        return;
    };
    let is = |message: &Value, kind: &str| message["content"][0]["type"] == kind;
    if body["thinking"]["type"] == "enabled" && is(results, "tool_result") {
        let began = is(step, "thinking") || is(step, "redacted_thinking");
        assert!(began, "thinking is expected first: {step}");
    }
}

fn block(block: &Value) {
    match text("a block's type", &block["type"]) {
        "text" => {
            keys(
                "a text",
                block,
                &["type", "text", "citations", "cache_control"],
            );
            assert!(
                !text("a text", &block["text"]).trim().is_empty(),
                "blank: {block}"
            );
        }
        "image" => {
            keys("an image", block, &["type", "source", "cache_control"]);
            keys(
                "a source",
                &block["source"],
                &["type", "media_type", "data", "url"],
            );
        }
        "thinking" => {
            keys("thinking", block, &["type", "thinking", "signature"]);
            let proof = text("a signature", &block["signature"]);
            assert!(!proof.starts_with("tg1:"), "a wrapped signature");
        }
        "tool_use" => {
            keys(
                "a call",
                block,
                &["type", "id", "name", "input", "cache_control"],
            );
            assert!(block["input"].is_object(), "{block}");
        }
        "tool_result" => {
            let known = [
                "type",
                "tool_use_id",
                "content",
                "is_error",
                "cache_control",
            ];
            keys("a result", block, &known);
            some_blocks(&block["content"]).iter().for_each(self::block);
        }
        other => panic!("the tests send no block of type {other}"),
    }
}
