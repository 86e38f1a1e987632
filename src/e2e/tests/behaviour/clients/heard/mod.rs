//! Reads a stream as strictly as the client's own code does.

use e2e::streaming::Event;
use serde_json::Value;

pub(crate) mod gemini;
pub(crate) mod messages;
pub(crate) mod responses;

/// An answer, as its client keeps it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) thought: String,
    pub(crate) text: String,
    /// Id, name and input of each call.
    pub(crate) calls: Vec<(String, String, Value)>,
    /// In the format's own word.
    pub(crate) stop: String,
    /// All tokens in, all tokens out.
    pub(crate) usage: (u64, u64),
    /// Blocks, items or parts: what the client sends back.
    pub(crate) kept: Vec<Value>,
}

/// The payloads of named events; the names repeat the types.
fn named(events: &[Event]) -> Vec<Value> {
    let payload = |event: &Event| {
        let payload = event.json();
        assert_eq!(event.name.as_deref(), payload["type"].as_str(), "{payload}");
        payload
    };
    events.iter().map(payload).collect()
}

fn string(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("a string: {value}"))
        .to_owned()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number: {value}"))
}
