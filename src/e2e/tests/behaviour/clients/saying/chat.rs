//! Chat Completions: reasoning beside the content, and the calls' arguments interleaved.

use serde_json::{Value, json};

use super::{Made, Saying, halves, unnamed};

pub(super) fn events(said: &Saying, calls: &[Made]) -> Vec<String> {
    let mut events = vec![delta(json!({ "role": "assistant", "content": "" }))];
    for half in halves(said.thought) {
        events.push(delta(json!({ "reasoning_content": half })));
    }
    for half in halves(said.text) {
        events.push(delta(json!({ "content": half })));
    }
    for (index, call) in calls.iter().enumerate() {
        let (kind, key) = fields(call);
        events.push(delta(json!({ "tool_calls": [{
            "index": index, "id": call.id, "type": kind, kind: { "name": call.name, key: "" },
        }] })));
    }
    for half in 0..2 {
        for (index, call) in calls.iter().enumerate() {
            let (kind, key) = fields(call);
            if let Some(piece) = halves(&call.written()).get(half) {
                events.push(delta(
                    json!({ "tool_calls": [{ "index": index, kind: { key: piece } }] }),
                ));
            }
        }
    }
    let reason = if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };
    events.push(chunk(
        json!([{ "index": 0, "delta": {}, "finish_reason": reason }]),
        Value::Null,
    ));
    let usage = json!({ "prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120 });
    events.push(chunk(json!([]), usage));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn fields(call: &Made) -> (&'static str, &'static str) {
    match call.is_custom() {
        true => ("custom", "input"),
        false => ("function", "arguments"),
    }
}

fn delta(delta: Value) -> String {
    chunk(
        json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
        Value::Null,
    )
}

fn chunk(choices: Value, usage: Value) -> String {
    unnamed(&json!({
        "id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-5.1",
        "choices": choices, "usage": usage,
    }))
}
