//! Gemini: parts in events without names; the first call carries the thought's signature.

use serde_json::{Value, json};

use super::{Made, PROOF, Saying, halves, unnamed};

pub(super) fn events(said: &Saying, calls: &[Made]) -> Vec<String> {
    let mut parts = Vec::new();
    for half in halves(said.thought) {
        parts.push(json!({ "text": half, "thought": true }));
    }
    for half in halves(said.text) {
        parts.push(json!({ "text": half }));
    }
    for (at, call) in calls.iter().enumerate() {
        let mut part =
            json!({ "functionCall": { "id": call.id, "name": call.name, "args": call.input } });
        if at == 0 {
            part["thoughtSignature"] = json!(PROOF);
        }
        parts.push(part);
    }
    let last = parts.len().saturating_sub(1);
    let event = |(at, part): (usize, &Value)| {
        let mut event = json!({
            "candidates": [{ "content": { "role": "model", "parts": [part] }, "index": 0 }],
            "usageMetadata": { "promptTokenCount": 90, "totalTokenCount": 90 },
            "modelVersion": "gemini-3-pro-preview",
            "responseId": "up",
        });
        if at == last {
            event["candidates"][0]["finishReason"] = json!("STOP");
            event["usageMetadata"] = json!({
                "promptTokenCount": 90, "candidatesTokenCount": 20, "thoughtsTokenCount": 10, "totalTokenCount": 120,
            });
        }
        unnamed(&event)
    };
    parts.iter().enumerate().map(event).collect()
}
