//! The message object, its blocks and its events.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::demo::answer::{Answer, Arguments, Call, End};
use crate::demo::ask::Ask;
use crate::demo::fault::{Fault, Kind};
use crate::demo::prose;
use crate::demo::wire::{self, Script};

/// A refusal as Anthropic words it.
pub(in crate::demo) fn refuse(fault: &Fault) -> Response {
    let kind = match fault.kind {
        Kind::Invalid => "invalid_request_error",
        Kind::NoModel | Kind::NoPath => "not_found_error",
    };
    let id = wire::id("req_");
    let error = json!({
        "type": "error",
        "error": { "type": kind, "message": fault.message },
        "request_id": id,
    });
    with_id(wire::json(fault.status(), &error), &id)
}

/// A stream as Anthropic sends it.
pub(super) fn open(_: &Ask, body: Body) -> Response {
    with_id(wire::event_stream(body), &wire::id("req_"))
}

fn with_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = id.parse() {
        response.headers_mut().insert("request-id", id);
    }
    response
}

/// A whole answer.
pub(super) fn whole(ask: &Ask, answer: &Answer) -> Value {
    let mut message = begun(ask, answer);
    message["content"] = json!(blocks(ask, answer));
    message["usage"]["output_tokens"] = json!(answer.usage.output);
    for (field, value) in end(answer) {
        message[field] = value;
    }
    message
}

/// The message before anything was said.
fn begun(ask: &Ask, answer: &Answer) -> Value {
    json!({
        "id": wire::id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": answer.usage.input,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
            "output_tokens": 1,
            "service_tier": "standard",
        },
    })
}

fn end(answer: &Answer) -> [(&'static str, Value); 2] {
    let (reason, sequence) = match &answer.end {
        End::Done => ("end_turn", None),
        End::Calls => ("tool_use", None),
        End::Length => ("max_tokens", None),
        End::Stop(sequence) => ("stop_sequence", Some(sequence)),
    };
    [
        ("stop_reason", json!(reason)),
        ("stop_sequence", json!(sequence)),
    ]
}

fn blocks(ask: &Ask, answer: &Answer) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !answer.thinking.is_empty() {
        let omitted = ask.body["thinking"]["display"] == "omitted";
        let shown = if omitted { "" } else { &answer.thinking };
        let signature = wire::signature(&answer.thinking);
        blocks.push(json!({ "type": "thinking", "thinking": shown, "signature": signature }));
    }
    if !answer.text.is_empty() {
        blocks.push(json!({ "type": "text", "text": answer.text }));
    }
    blocks.extend(answer.calls.iter().map(tool_use));
    blocks
}

fn tool_use(call: &Call) -> Value {
    // Ids of this vendor begin in their own way; the rest is as good as any.
    let id = call.id.replacen("call_", "toolu_", 1);
    let input = match &call.arguments {
        Arguments::Json(input) => input.clone(),
        Arguments::Text(input) => json!({ "input": input }),
    };
    json!({ "type": "tool_use", "id": id, "name": call.name, "input": input })
}

/// All events of an answer.
pub(super) fn stream(ask: &Ask, answer: &Answer) -> Script {
    let mut script = Script::default();
    let event = |value: Value| wire::event(&value);
    script.now(event(
        json!({ "type": "message_start", "message": begun(ask, answer) }),
    ));
    for (index, block) in blocks(ask, answer).iter().enumerate() {
        script.now(event(json!({
            "type": "content_block_start", "index": index, "content_block": opened(block),
        })));
        if index == 0 {
            script.now(event(json!({ "type": "ping" })));
        }
        let delta =
            |delta| event(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        match block["type"].as_str() {
            Some("thinking") => {
                for piece in pieces(&block["thinking"]) {
                    script.next(delta(
                        json!({ "type": "thinking_delta", "thinking": piece }),
                    ));
                }
                script.now(delta(
                    json!({ "type": "signature_delta", "signature": block["signature"] }),
                ));
            }
            Some("tool_use") => {
                script.now(delta(
                    json!({ "type": "input_json_delta", "partial_json": "" }),
                ));
                for piece in prose::pieces(&block["input"].to_string()) {
                    script.next(delta(
                        json!({ "type": "input_json_delta", "partial_json": piece }),
                    ));
                }
            }
            _ => {
                for piece in pieces(&block["text"]) {
                    script.next(delta(json!({ "type": "text_delta", "text": piece })));
                }
            }
        }
        script.now(event(
            json!({ "type": "content_block_stop", "index": index }),
        ));
    }
    script.now(event(closing(answer)));
    script.now(event(json!({ "type": "message_stop" })));
    script
}

fn pieces(text: &Value) -> Vec<&str> {
    prose::pieces(text.as_str().unwrap_or_default())
}

/// The block as it is announced: empty.
fn opened(block: &Value) -> Value {
    let mut block = block.clone();
    for (field, empty) in [
        ("thinking", json!("")),
        ("signature", json!("")),
        ("text", json!("")),
        ("input", json!({})),
    ] {
        if block.get(field).is_some() {
            block[field] = empty;
        }
    }
    block
}

/// The event with the reason and the final counts, which replace those of the start.
fn closing(answer: &Answer) -> Value {
    let delta: serde_json::Map<String, Value> = end(answer)
        .into_iter()
        .map(|(field, value)| (field.to_owned(), value))
        .collect();
    json!({
        "type": "message_delta",
        "delta": delta,
        "usage": {
            "input_tokens": answer.usage.input,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": answer.usage.output,
        },
    })
}
