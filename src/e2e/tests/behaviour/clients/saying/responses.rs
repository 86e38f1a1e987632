//! Responses: a reasoning item with its encrypted content, a message, and the calls.

use serde_json::{Value, json};

use super::{Made, PROOF, Saying, halves, named};

/// The events of a stream, and its items so far.
#[derive(Default)]
struct Script {
    events: Vec<Value>,
    items: Vec<Value>,
}

impl Script {
    /// An event of the item that comes next.
    fn say(&mut self, kind: &str, mut rest: Value) {
        rest["type"] = json!(kind);
        rest["output_index"] = json!(self.items.len());
        self.events.push(rest);
    }

    fn done(&mut self, item: Value) {
        self.say("response.output_item.done", json!({ "item": item }));
        self.items.push(item);
    }
}

pub(super) fn events(said: &Saying, calls: &[Made]) -> Vec<String> {
    let mut script = Script::default();
    for kind in ["response.created", "response.in_progress"] {
        let response = response("in_progress", &[], Value::Null);
        script
            .events
            .push(json!({ "type": kind, "response": response }));
    }
    if !said.thought.is_empty() {
        reasoning(&mut script, said.thought);
    }
    if !said.text.is_empty() {
        message(&mut script, said.text);
    }
    for call in calls {
        self::call(&mut script, call);
    }
    let usage = json!({
        "input_tokens": 90, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": 30, "output_tokens_details": { "reasoning_tokens": 10 }, "total_tokens": 120,
    });
    let response = response("completed", &script.items, usage);
    script
        .events
        .push(json!({ "type": "response.completed", "response": response }));
    for (number, event) in script.events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    script.events.iter().map(named).collect()
}

fn response(status: &str, output: &[Value], usage: Value) -> Value {
    json!({
        "id": "resp_up", "object": "response", "created_at": 1_760_000_000, "status": status, "model": "gpt-5.1",
        "output": output, "error": null, "incomplete_details": null, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
        "usage": usage,
    })
}

fn reasoning(script: &mut Script, thought: &str) {
    let opened = json!({ "id": "rs_up", "type": "reasoning", "summary": [] });
    script.say("response.output_item.added", json!({ "item": opened }));
    let place = |mut rest: Value| {
        rest["item_id"] = json!("rs_up");
        rest["summary_index"] = json!(0);
        rest
    };
    let part = |text: &str| json!({ "type": "summary_text", "text": text });
    script.say(
        "response.reasoning_summary_part.added",
        place(json!({ "part": part("") })),
    );
    for half in halves(thought) {
        script.say(
            "response.reasoning_summary_text.delta",
            place(json!({ "delta": half })),
        );
    }
    script.say(
        "response.reasoning_summary_text.done",
        place(json!({ "text": thought })),
    );
    script.say(
        "response.reasoning_summary_part.done",
        place(json!({ "part": part(thought) })),
    );
    script.done(json!({
        "id": "rs_up", "type": "reasoning", "summary": [part(thought)], "encrypted_content": PROOF,
    }));
}

fn message(script: &mut Script, text: &str) {
    let item = |status: &str, content: Value| json!({ "id": "msg_up", "type": "message", "role": "assistant", "status": status, "content": content });
    let opened = item("in_progress", json!([]));
    script.say("response.output_item.added", json!({ "item": opened }));
    let place = |mut rest: Value| {
        rest["item_id"] = json!("msg_up");
        rest["content_index"] = json!(0);
        rest
    };
    let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
    script.say(
        "response.content_part.added",
        place(json!({ "part": part("") })),
    );
    for half in halves(text) {
        script.say(
            "response.output_text.delta",
            place(json!({ "delta": half, "logprobs": [] })),
        );
    }
    script.say(
        "response.output_text.done",
        place(json!({ "text": text, "logprobs": [] })),
    );
    script.say(
        "response.content_part.done",
        place(json!({ "part": part(text) })),
    );
    script.done(item("completed", json!([part(text)])));
}

fn call(script: &mut Script, call: &Made) {
    let (kind, key, events) = match call.is_custom() {
        true => (
            "custom_tool_call",
            "input",
            "response.custom_tool_call_input",
        ),
        false => (
            "function_call",
            "arguments",
            "response.function_call_arguments",
        ),
    };
    let id = call
        .id
        .replace("call_", if call.is_custom() { "ctc_" } else { "fc_" });
    let item = |status: &str, written: &str| {
        json!({
            "id": id, "type": kind, "status": status, "call_id": call.id, "name": call.name, key: written,
        })
    };
    let opened = item("in_progress", "");
    script.say("response.output_item.added", json!({ "item": opened }));
    let written = call.written();
    for half in halves(&written) {
        script.say(
            &format!("{events}.delta"),
            json!({ "item_id": id, "delta": half }),
        );
    }
    script.say(
        &format!("{events}.done"),
        json!({ "item_id": id, key: written }),
    );
    script.done(item("completed", &written));
}
