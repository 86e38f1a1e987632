//! OpenAI Responses.

use serde_json::Value;

use super::{keys, list, names, object_schema, some, text, word};

pub(super) fn check(body: &Value) {
    keys(
        "a request",
        body,
        &[
            "model",
            "input",
            "instructions",
            "max_output_tokens",
            "temperature",
            "top_p",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "text",
            "reasoning",
            "include",
            "store",
            "metadata",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "service_tier",
            "stream",
            "stream_options",
            "truncation",
        ],
    );
    names(some("tools", &body["tools"]).iter().map(tool));
    let mut open = Vec::new();
    for item in list("input", &body["input"]) {
        self::item(item, &mut open, body["store"] == false);
    }
    assert!(open.is_empty(), "calls without outputs: {open:?}");
}

fn tool(tool: &Value) -> &str {
    match text("a tool's type", &tool["type"]) {
        "function" => {
            let known = ["type", "name", "description", "parameters", "strict"];
            keys("a function", tool, &known);
            if !tool["parameters"].is_null() {
                object_schema("parameters", &tool["parameters"]);
            }
        }
        "custom" => keys(
            "a custom tool",
            tool,
            &["type", "name", "description", "format"],
        ),
        other => panic!("the tests declare no tool of type {other}"),
    }
    word("a tool's name", &tool["name"], 64, "_-")
}

fn item(item: &Value, open: &mut Vec<String>, stateless: bool) {
    let kind = item["type"].as_str().unwrap_or("message");
    own_id(item, kind);
    match kind {
        "message" => message(item),
        "reasoning" => {
            keys(
                "reasoning",
                item,
                &["type", "id", "summary", "content", "encrypted_content"],
            );
            list("a summary", &item["summary"]);
            assert!(
                !stateless || item["encrypted_content"].is_string(),
                "not found: {item}"
            );
        }
        "function_call" => {
            keys(
                "a call",
                item,
                &["type", "id", "call_id", "name", "arguments", "status"],
            );
            let arguments: Value =
                serde_json::from_str(text("arguments", &item["arguments"])).unwrap();
            assert!(arguments.is_object(), "{item}");
            open.push(call(item));
        }
        "custom_tool_call" => {
            keys(
                "a call",
                item,
                &["type", "id", "call_id", "name", "input", "status"],
            );
            assert!(item["input"].is_string(), "{item}");
            open.push(call(item));
        }
        "function_call_output" | "custom_tool_call_output" => {
            keys(
                "an output",
                item,
                &["type", "id", "call_id", "output", "status"],
            );
            let id = text("an output's call", &item["call_id"]);
            let at = open.iter().position(|known| known == id);
            open.remove(at.unwrap_or_else(|| panic!("an output for no call: {item}")));
            if !item["output"].is_string() {
                parts(
                    &item["output"],
                    &["input_text", "input_image", "input_file"],
                );
            }
        }
        other => panic!("the tests send no item of type {other}"),
    }
}

/// An id has its kind's prefix.
fn own_id(item: &Value, kind: &str) {
    let prefix = match kind {
        "message" => "msg_",
        "reasoning" => "rs_",
        "function_call" => "fc_",
        "custom_tool_call" => "ctc_",
        _ => "",
    };
    if let Some(id) = item["id"].as_str() {
        assert!(id.starts_with(prefix), "{kind}: {id}");
    }
}

fn call(item: &Value) -> String {
    word("a call's name", &item["name"], 64, "_-");
    word("a call's id", &item["call_id"], 64, "_-").to_owned()
}

fn message(item: &Value) {
    keys(
        "a message",
        item,
        &["type", "id", "role", "content", "status", "phase"],
    );
    match (text("a role", &item["role"]), &item["content"]) {
        (_, Value::String(said)) => assert!(!said.is_empty(), "{item}"),
        ("assistant", content) => parts(content, &["output_text", "refusal"]),
        ("user" | "system" | "developer", content) => {
            parts(content, &["input_text", "input_image", "input_file"]);
        }
        (other, _) => panic!("there is no role {other}"),
    }
}

fn parts(content: &Value, kinds: &[&str]) {
    for part in some("content", content) {
        let kind = text("a part's type", &part["type"]);
        assert!(kinds.contains(&kind), "{kind} is none of {kinds:?}");
        if kind.ends_with("text") {
            keys("a text", part, &["type", "text", "annotations", "logprobs"]);
            text("a text", &part["text"]);
        }
        if kind == "input_image" {
            keys(
                "an image",
                part,
                &["type", "image_url", "file_id", "detail"],
            );
        }
    }
}
