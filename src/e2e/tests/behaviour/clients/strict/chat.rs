//! OpenAI Chat Completions.

use serde_json::Value;

use super::{keys, list, names, object_schema, some, text, word};

pub(super) fn check(body: &Value) {
    keys(
        "a chat request",
        body,
        &[
            "model",
            "messages",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "stream",
            "stream_options",
            "max_completion_tokens",
            "temperature",
            "top_p",
            "stop",
            "reasoning_effort",
            "response_format",
            "prompt_cache_key",
            "user",
            "safety_identifier",
            "metadata",
            "store",
            "service_tier",
            "verbosity",
        ],
    );
    let tools = some("tools", &body["tools"]);
    names(tools.iter().map(tool));
    for alone in ["tool_choice", "parallel_tool_calls"] {
        assert!(
            body[alone].is_null() || !tools.is_empty(),
            "{alone} needs tools"
        );
    }
    assert!(body["stream_options"].is_null() || body["stream"] == true);
    assert!(some("stop", &body["stop"]).len() <= 4);
    let mut open = Vec::new();
    for message in list("messages", &body["messages"]) {
        self::message(message, &mut open);
    }
    assert!(open.is_empty(), "calls without results: {open:?}");
}

fn tool(tool: &Value) -> &str {
    let kind = text("a tool's type", &tool["type"]);
    keys("a tool", tool, &["type", kind]);
    let fields = &tool[kind];
    match kind {
        "function" => {
            keys(
                "a function",
                fields,
                &["name", "description", "parameters", "strict"],
            );
            if !fields["parameters"].is_null() {
                object_schema("parameters", &fields["parameters"]);
            }
        }
        "custom" => keys("a custom tool", fields, &["name", "description", "format"]),
        other => panic!("there is no tool of type {other}"),
    }
    word("a tool's name", &fields["name"], 64, "_-")
}

/// Results follow their calls at once, each by its id.
fn message(message: &Value, open: &mut Vec<String>) {
    keys(
        "a message",
        message,
        &[
            "role",
            "content",
            "name",
            "tool_calls",
            "tool_call_id",
            "refusal",
        ],
    );
    let role = text("a role", &message["role"]);
    if role == "tool" {
        let id = text("a result's id", &message["tool_call_id"]);
        let at = open.iter().position(|known| known == id);
        open.remove(at.unwrap_or_else(|| panic!("a result for no call: {message}")));
        return;
    }
    assert!(open.is_empty(), "{open:?} have no results before {message}");
    let calls = some("tool_calls", &message["tool_calls"]);
    match role {
        "assistant" => {
            assert!(
                !calls.is_empty() || !message["content"].is_null(),
                "{message}"
            );
            open.extend(calls.iter().map(call));
        }
        "user" | "system" | "developer" => assert!(!message["content"].is_null(), "{message}"),
        other => panic!("there is no role {other}"),
    }
    content(&message["content"]);
}

fn call(call: &Value) -> String {
    let kind = text("a call's type", &call["type"]);
    keys("a call", call, &["id", "type", kind]);
    word("a call's name", &call[kind]["name"], 64, "_-");
    match kind {
        "function" => {
            let arguments = text("arguments", &call[kind]["arguments"]);
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            assert!(arguments.is_object(), "{arguments}");
        }
        "custom" => assert!(call[kind]["input"].is_string(), "{call}"),
        other => panic!("there is no call of type {other}"),
    }
    word("a call's id", &call["id"], 64, "_-").to_owned()
}

fn content(content: &Value) {
    match content {
        Value::Null => {}
        Value::String(text) => assert!(!text.is_empty(), "an empty message"),
        parts => some("content", parts).iter().for_each(part),
    }
}

fn part(part: &Value) {
    let kind = text("a part's type", &part["type"]);
    keys("a part", part, &["type", kind]);
    match kind {
        "text" | "refusal" => drop(text("a text", &part[kind])),
        "image_url" => {
            keys("an image", &part[kind], &["url", "detail"]);
            text("an address", &part[kind]["url"]);
        }
        "file" => keys("a file", &part[kind], &["file_data", "filename", "file_id"]),
        other => panic!("there is no part of type {other}"),
    }
}
