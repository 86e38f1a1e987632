//! The response object and its items.

use serde_json::{Value, json};

use crate::demo::answer::{Answer, Arguments, Call, End};
use crate::demo::ask::Ask;
use crate::demo::{read, wire};

/// A whole answer.
pub(super) fn completed(ask: &Ask, answer: &Answer) -> Value {
    let items = items(ask, answer);
    finished(open(ask), &items, answer)
}

/// A response that has only begun.
pub(super) fn open(ask: &Ask) -> Value {
    let body = &ask.body;
    let or = |name: &str, usual: Value| read::field(body, name).cloned().unwrap_or(usual);
    json!({
        "id": wire::id("resp_"),
        "object": "response",
        "created_at": wire::now(),
        "completed_at": null,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": body["instructions"],
        "max_output_tokens": body["max_output_tokens"],
        "max_tool_calls": body["max_tool_calls"],
        "model": ask.model,
        "output": [],
        "parallel_tool_calls": ask.parallel,
        "previous_response_id": null,
        "prompt_cache_key": body["prompt_cache_key"],
        "reasoning": { "effort": body["reasoning"]["effort"], "summary": body["reasoning"]["summary"] },
        "safety_identifier": body["safety_identifier"],
        "service_tier": "default",
        // Nothing is kept, whatever was asked.
        "store": false,
        "temperature": or("temperature", json!(1.0)),
        "text": or("text", json!({ "format": { "type": "text" }, "verbosity": "medium" })),
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_logprobs": 0,
        "top_p": or("top_p", json!(1.0)),
        "truncation": "disabled",
        "usage": null,
        "user": body["user"],
        "metadata": or("metadata", json!({})),
    })
}

/// The response once all its items are there.
pub(super) fn finished(mut response: Value, items: &[Value], answer: &Answer) -> Value {
    let usage = &answer.usage;
    response["output"] = json!(items);
    response["completed_at"] = json!(wire::now());
    response["status"] = json!(status(answer));
    response["usage"] = json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input + usage.output,
    });
    if answer.end == End::Length {
        response["completed_at"] = Value::Null;
        response["incomplete_details"] = json!({ "reason": "max_output_tokens" });
    }
    response
}

pub(super) fn status(answer: &Answer) -> &'static str {
    match answer.end {
        End::Length => "incomplete",
        _ => "completed",
    }
}

/// The items of an answer: reasoning, then the text or the calls.
pub(super) fn items(ask: &Ask, answer: &Answer) -> Vec<Value> {
    let mut items = Vec::new();
    if !answer.thinking.is_empty() {
        items.push(reasoning(ask, &answer.thinking));
    }
    if !answer.text.is_empty() || (answer.calls.is_empty() && answer.end != End::Length) {
        items.push(message(answer));
    }
    items.extend(answer.calls.iter().map(call));
    items
}

/// The summary is shown only to those who ask for one, as is the encrypted content.
fn reasoning(ask: &Ask, thinking: &str) -> Value {
    let wanted = &ask.body["reasoning"];
    let shown = ["summary", "generate_summary"]
        .iter()
        .any(|name| read::field(wanted, name).is_some());
    let summary = if shown {
        json!([{ "type": "summary_text", "text": thinking }])
    } else {
        json!([])
    };
    let mut item = json!({ "id": wire::id("rs_"), "type": "reasoning", "summary": summary });
    let include = ask.body["include"].as_array();
    if include.is_some_and(|names| {
        names
            .iter()
            .any(|name| name == "reasoning.encrypted_content")
    }) {
        item["encrypted_content"] = json!(wire::signature(thinking));
    }
    item
}

fn message(answer: &Answer) -> Value {
    json!({
        "id": wire::id("msg_"),
        "type": "message",
        "status": status(answer),
        "role": "assistant",
        "content": [part(&answer.text)],
    })
}

/// The only part a message of the demo has.
pub(super) fn part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

fn call(call: &Call) -> Value {
    let (kind, prefix, input) = match call.arguments {
        Arguments::Json(_) => ("function_call", "fc_", "arguments"),
        Arguments::Text(_) => ("custom_tool_call", "ctc_", "input"),
    };
    let mut item = json!({
        "id": wire::id(prefix),
        "type": kind,
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
    });
    item[input] = json!(call.written());
    item
}
