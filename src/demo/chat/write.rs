//! The completion object, its chunks and its usage.

use serde_json::{Value, json};

use crate::demo::answer::{Answer, Arguments, Call, End};
use crate::demo::ask::Ask;
use crate::demo::prose;
use crate::demo::wire::{self, Script};

/// A whole answer.
pub(super) fn whole(ask: &Ask, answer: &Answer) -> Value {
    let content = (!answer.text.is_empty() || answer.calls.is_empty()).then_some(&answer.text);
    let mut message = json!({
        "role": "assistant",
        "content": content,
        "refusal": null,
        "annotations": [],
    });
    if !answer.thinking.is_empty() {
        message["reasoning_content"] = json!(answer.thinking);
    }
    if !answer.calls.is_empty() {
        let calls = answer
            .calls
            .iter()
            .map(|call| tool_call(call, &call.written()));
        message["tool_calls"] = calls.collect();
    }
    json!({
        "id": wire::id("chatcmpl-"),
        "object": "chat.completion",
        "created": wire::now(),
        "model": ask.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": reason(&answer.end),
        }],
        "usage": usage(answer),
        "service_tier": "default",
        "system_fingerprint": "fp_demo",
    })
}

fn tool_call(call: &Call, written: &str) -> Value {
    match call.arguments {
        Arguments::Json(_) => json!({
            "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": written },
        }),
        Arguments::Text(_) => json!({
            "id": call.id, "type": "custom",
            "custom": { "name": call.name, "input": written },
        }),
    }
}

pub(in crate::demo) fn reason(end: &End) -> &'static str {
    match end {
        End::Done | End::Stop(_) => "stop",
        End::Calls => "tool_calls",
        End::Length => "length",
    }
}

pub(in crate::demo) fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// Whether the caller wants the usage chunk.
fn wants_usage(ask: &Ask) -> bool {
    ask.body["stream_options"]["include_usage"] == true
}

/// All chunks of an answer.
pub(super) fn stream(ask: &Ask, answer: &Answer) -> Script {
    let envelope = envelope(ask, "chat.completion.chunk", "chatcmpl-");
    let chunk = |delta: Value, reason: Option<&str>| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason,
        }]);
        wire::data(&chunk)
    };
    let mut script = Script::default();
    script.now(chunk(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        None,
    ));
    for piece in prose::pieces(&answer.thinking) {
        script.next(chunk(json!({ "reasoning_content": piece }), None));
    }
    for piece in prose::pieces(&answer.text) {
        script.next(chunk(json!({ "content": piece }), None));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let mut opened = tool_call(call, "");
        opened["index"] = json!(index);
        script.next(chunk(json!({ "tool_calls": [opened] }), None));
        for piece in prose::pieces(&call.written()) {
            let fragment = fragment(call, piece, index);
            script.next(chunk(json!({ "tool_calls": [fragment] }), None));
        }
    }
    script.now(chunk(json!({}), Some(reason(&answer.end))));
    finish(&mut script, ask, answer, envelope);
    script
}

fn fragment(call: &Call, piece: &str, index: usize) -> Value {
    match call.arguments {
        Arguments::Json(_) => json!({ "index": index, "function": { "arguments": piece } }),
        Arguments::Text(_) => json!({ "index": index, "custom": { "input": piece } }),
    }
}

/// What all chunks of one answer have in common. With usage asked for, every chunk says `null`
/// until the last.
pub(in crate::demo) fn envelope(ask: &Ask, object: &str, prefix: &str) -> Value {
    let mut envelope = json!({
        "id": wire::id(prefix),
        "object": object,
        "created": wire::now(),
        "model": ask.model,
        "system_fingerprint": "fp_demo",
    });
    if wants_usage(ask) {
        envelope["usage"] = Value::Null;
    }
    envelope
}

/// The usage chunk, if asked for, and the terminator.
pub(in crate::demo) fn finish(
    script: &mut Script,
    ask: &Ask,
    answer: &Answer,
    mut envelope: Value,
) {
    if wants_usage(ask) {
        envelope["choices"] = json!([]);
        envelope["usage"] = usage(answer);
        script.now(wire::data(&envelope));
    }
    script.now("data: [DONE]\n\n");
}
