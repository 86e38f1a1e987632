//! Anthropic Messages.

use serde_json::{Value, json};

use super::{Counts, named};

pub(super) fn ask(model: &str, stream: bool) -> Value {
    let mut ask = json!({
        "model": model,
        "max_tokens": 64,
        "messages": [{ "role": "user", "content": "Say hello." }],
    });
    if stream {
        ask["stream"] = json!(true);
    }
    ask
}

/// Anthropic counts what was cached beside the input, not inside it.
fn usage(counts: Counts) -> Value {
    let written = counts.cache_write_5m + counts.cache_write_1h;
    json!({
        "input_tokens": counts.input - counts.cache_read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": counts.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": counts.cache_write_5m,
            "ephemeral_1h_input_tokens": counts.cache_write_1h,
        },
        "output_tokens": counts.output,
        "service_tier": "standard",
    })
}

fn message(content: &Value, stop: &Value, usage: &Value) -> Value {
    json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted-2026",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": usage,
    })
}

pub(super) fn whole(text: &str, counts: Counts) -> Value {
    let content = json!([{ "type": "text", "text": text }]);
    message(&content, &json!("end_turn"), &usage(counts))
}

pub(super) fn events(texts: &[&str], counts: Counts) -> Vec<String> {
    // The opening event knows the input and only the first token of the output.
    let opening = usage(Counts {
        output: counts.output.min(1),
        ..counts
    });
    let mut events = vec![
        json!({ "type": "message_start", "message": message(&json!([]), &Value::Null, &opening) }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
    ];
    events.extend(texts.iter().map(|text| {
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } })
    }));
    events.push(json!({ "type": "content_block_stop", "index": 0 }));
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": "end_turn", "stop_sequence": null },
        "usage": { "output_tokens": counts.output },
    }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(named).collect()
}
