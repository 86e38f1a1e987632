//! OpenAI Chat Completions.

use serde_json::{Value, json};

use super::{Counts, unnamed};

pub(super) fn ask(model: &str, stream: bool) -> Value {
    let mut ask =
        json!({ "model": model, "messages": [{ "role": "user", "content": "Say hello." }] });
    if stream {
        ask["stream"] = json!(true);
    }
    ask
}

pub(super) fn usage(counts: Counts) -> Value {
    json!({
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": { "cached_tokens": counts.cache_read, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": counts.reasoning, "audio_tokens": 0 },
    })
}

pub(super) fn whole(text: &str, counts: Counts) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "scripted-2026",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text, "refusal": null, "annotations": [] },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": usage(counts),
        "service_tier": "default",
    })
}

fn chunk(choices: &Value) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "scripted-2026",
        "choices": choices,
    })
}

fn delta(delta: &Value, finish: &Value) -> String {
    unnamed(&chunk(
        &json!([{ "index": 0, "delta": delta, "finish_reason": finish }]),
    ))
}

pub(super) fn events(texts: &[&str], counts: Counts) -> Vec<String> {
    let mut events = vec![delta(
        &json!({ "role": "assistant", "content": "" }),
        &Value::Null,
    )];
    events.extend(
        texts
            .iter()
            .map(|text| delta(&json!({ "content": text }), &Value::Null)),
    );
    events.push(delta(&json!({}), &json!("stop")));
    let mut last = chunk(&json!([]));
    last["usage"] = usage(counts);
    events.push(unnamed(&last));
    events.push("data: [DONE]\n\n".to_owned());
    events
}
