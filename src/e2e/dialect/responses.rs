//! OpenAI Responses.

use serde_json::{Value, json};

use super::{Counts, named};

pub(super) fn ask(model: &str, stream: bool) -> Value {
    let mut ask = json!({ "model": model, "input": "Say hello." });
    if stream {
        ask["stream"] = json!(true);
    }
    ask
}

fn usage(counts: Counts) -> Value {
    json!({
        "input_tokens": counts.input,
        "input_tokens_details": { "cached_tokens": counts.cache_read },
        "output_tokens": counts.output,
        "output_tokens_details": { "reasoning_tokens": counts.reasoning },
        "total_tokens": counts.input + counts.output,
    })
}

fn response(status: &str, output: &Value, usage: &Value) -> Value {
    json!({
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "model": "scripted-2026",
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    })
}

fn item(status: &str, content: &Value) -> Value {
    json!({ "id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

pub(super) fn whole(text: &str, counts: Counts) -> Value {
    let output = json!([item("completed", &json!([part(text)]))]);
    response("completed", &output, &usage(counts))
}

pub(super) fn events(texts: &[&str], counts: Counts) -> Vec<String> {
    let text = texts.concat();
    let place = |kind: &str| json!({ "type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0 });
    let with = |kind: &str, key: &str, value: Value| {
        let mut event = place(kind);
        event[key] = value;
        event
    };
    let open = response("in_progress", &json!([]), &Value::Null);
    let mut events = vec![
        json!({ "type": "response.created", "response": open }),
        json!({ "type": "response.in_progress", "response": open }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item("in_progress", &json!([])) }),
        with("response.content_part.added", "part", part("")),
    ];
    for text in texts {
        let mut delta = with("response.output_text.delta", "delta", json!(text));
        delta["logprobs"] = json!([]);
        events.push(delta);
    }
    let mut done = with("response.output_text.done", "text", json!(text));
    done["logprobs"] = json!([]);
    events.push(done);
    events.push(with("response.content_part.done", "part", part(&text)));
    let finished = item("completed", &json!([part(&text)]));
    events
        .push(json!({ "type": "response.output_item.done", "output_index": 0, "item": finished }));
    let whole = response("completed", &json!([finished]), &usage(counts));
    events.push(json!({ "type": "response.completed", "response": whole }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events.iter().map(named).collect()
}
