//! Google `generateContent`.

use serde_json::{Value, json};

use super::{Counts, unnamed};

pub(super) fn ask() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": "Say hello." }] }] })
}

/// Google counts thoughts beside the answer, not inside it.
fn usage(counts: Counts) -> Value {
    json!({
        "promptTokenCount": counts.input,
        "cachedContentTokenCount": counts.cache_read,
        "candidatesTokenCount": counts.output - counts.reasoning,
        "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.input + counts.output,
    })
}

fn answer(text: &str, finish: Option<&str>, usage: Value) -> Value {
    let mut candidate = json!({
        "content": { "role": "model", "parts": [{ "text": text }] },
        "index": 0,
    });
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "scripted-2026",
        "responseId": "r-1",
    })
}

pub(super) fn whole(text: &str, counts: Counts) -> Value {
    answer(text, Some("STOP"), usage(counts))
}

/// The last text carries the finish and the final usage; earlier ones do not count output yet.
pub(super) fn events(texts: &[&str], counts: Counts) -> Vec<String> {
    let last = texts.len().saturating_sub(1);
    let so_far = json!({
        "promptTokenCount": counts.input,
        "cachedContentTokenCount": counts.cache_read,
        "totalTokenCount": counts.input,
    });
    let event = |(at, text): (usize, &&str)| {
        if at == last {
            return unnamed(&answer(text, Some("STOP"), usage(counts)));
        }
        unnamed(&answer(text, None, so_far.clone()))
    };
    texts.iter().enumerate().map(event).collect()
}
