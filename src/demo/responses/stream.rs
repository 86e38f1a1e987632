//! The events of a streamed response, numbered from 0 without a gap.

use serde_json::{Value, json};

use super::whole;
use crate::demo::answer::{Answer, End};
use crate::demo::ask::Ask;
use crate::demo::prose;
use crate::demo::wire::{self, Script};

/// All events of an answer.
pub(super) fn script(ask: &Ask, answer: &Answer) -> Script {
    let response = whole::open(ask);
    let items = whole::items(ask, answer);
    let mut events = Events::default();
    events.now("response.created", json!({ "response": response }));
    events.now("response.in_progress", json!({ "response": response }));
    for (index, item) in items.iter().enumerate() {
        events.item(index, item);
    }
    let last = match answer.end {
        End::Length => "response.incomplete",
        _ => "response.completed",
    };
    let response = whole::finished(response, &items, answer);
    events.now(last, json!({ "response": response }));
    events.script
}

#[derive(Default)]
struct Events {
    script: Script,
    number: u64,
}

impl Events {
    fn now(&mut self, kind: &str, fields: Value) {
        let frame = self.frame(kind, fields);
        self.script.now(frame);
    }

    fn next(&mut self, kind: &str, fields: Value) {
        let frame = self.frame(kind, fields);
        self.script.next(frame);
    }

    fn frame(&mut self, kind: &str, mut fields: Value) -> String {
        fields["type"] = json!(kind);
        fields["sequence_number"] = json!(self.number);
        self.number += 1;
        wire::event(&fields)
    }

    fn item(&mut self, index: usize, item: &Value) {
        self.now(
            "response.output_item.added",
            json!({ "output_index": index, "item": begun(item) }),
        );
        let at = json!({ "item_id": item["id"], "output_index": index });
        match item["type"].as_str() {
            Some("reasoning") => self.summary(&at, item),
            Some("message") => self.text(&at, &item["content"][0]),
            Some("custom_tool_call") => {
                self.input(&at, "response.custom_tool_call_input", "input", item);
            }
            _ => self.input(&at, "response.function_call_arguments", "arguments", item),
        }
        self.now(
            "response.output_item.done",
            json!({ "output_index": index, "item": item }),
        );
    }

    fn summary(&mut self, at: &Value, item: &Value) {
        let at = with(at, "summary_index", json!(0));
        let Some(text) = item["summary"][0]["text"].as_str() else {
            return;
        };
        let part = |text: &str| with(&at, "part", json!({ "type": "summary_text", "text": text }));
        self.now("response.reasoning_summary_part.added", part(""));
        for piece in prose::pieces(text) {
            self.next(
                "response.reasoning_summary_text.delta",
                with(&at, "delta", json!(piece)),
            );
        }
        self.now(
            "response.reasoning_summary_text.done",
            with(&at, "text", json!(text)),
        );
        self.now("response.reasoning_summary_part.done", part(text));
    }

    fn text(&mut self, at: &Value, part: &Value) {
        let at = with(at, "content_index", json!(0));
        let logged = with(&at, "logprobs", json!([]));
        let text = part["text"].as_str().unwrap_or_default();
        self.now(
            "response.content_part.added",
            with(&at, "part", whole::part("")),
        );
        for piece in prose::pieces(text) {
            self.next(
                "response.output_text.delta",
                with(&logged, "delta", json!(piece)),
            );
        }
        self.now(
            "response.output_text.done",
            with(&logged, "text", json!(text)),
        );
        self.now(
            "response.content_part.done",
            with(&at, "part", part.clone()),
        );
    }

    fn input(&mut self, at: &Value, kind: &str, field: &str, item: &Value) {
        let written = item[field].as_str().unwrap_or_default();
        for piece in prose::pieces(written) {
            self.next(&format!("{kind}.delta"), with(at, "delta", json!(piece)));
        }
        let mut done = with(at, field, json!(written));
        if field == "arguments" {
            done["name"] = item["name"].clone();
        }
        self.now(&format!("{kind}.done"), done);
    }
}

/// The item as it is announced: in progress and empty.
fn begun(item: &Value) -> Value {
    let mut item = item.clone();
    for (field, empty) in [
        ("status", json!("in_progress")),
        ("content", json!([])),
        ("summary", json!([])),
        ("arguments", json!("")),
        ("input", json!("")),
    ] {
        if item.get(field).is_some() {
            item[field] = empty;
        }
    }
    item
}

fn with(at: &Value, name: &str, value: Value) -> Value {
    let mut fields = at.clone();
    fields[name] = value;
    fields
}
