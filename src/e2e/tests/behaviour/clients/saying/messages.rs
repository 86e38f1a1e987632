//! Messages: a signed thinking block, a text block and the calls, one after another.

use serde_json::{Value, json};

use super::{Made, PROOF, Saying, halves, named};

pub(super) fn events(said: &Saying, calls: &[Made]) -> Vec<String> {
    let mut events = vec![
        json!({ "type": "message_start", "message": {
            "id": "msg_up", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 90, "output_tokens": 1 },
        } }),
        json!({ "type": "ping" }),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        events
            .push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        for delta in deltas {
            events.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        events.push(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
    };
    if !said.thought.is_empty() {
        let mut deltas = pieces("thinking_delta", "thinking", said.thought);
        deltas.push(json!({ "type": "signature_delta", "signature": PROOF }));
        block(
            json!({ "type": "thinking", "thinking": "", "signature": "" }),
            deltas,
        );
    }
    if !said.text.is_empty() {
        block(
            json!({ "type": "text", "text": "" }),
            pieces("text_delta", "text", said.text),
        );
    }
    for call in calls {
        let start = json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} });
        block(
            start,
            pieces("input_json_delta", "partial_json", &call.written()),
        );
    }
    let reason = if calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    };
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": reason, "stop_sequence": null },
        "usage": { "output_tokens": 30 },
    }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(named).collect()
}

fn pieces(kind: &str, key: &str, text: &str) -> Vec<Value> {
    halves(text)
        .into_iter()
        .map(|half| json!({ "type": kind, key: half }))
        .collect()
}
