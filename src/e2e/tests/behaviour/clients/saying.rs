//! What an upstream says, written as a provider of its format streams it.

use e2e::{Dialect, Reply};
use serde_json::{Value, json};

mod chat;
mod gemini;
mod messages;
mod responses;

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saying {
    pub(crate) thought: &'static str,
    pub(crate) text: &'static str,
    pub(crate) calls: Vec<Use>,
}

/// A call of the tool that stands at that place among the caller's.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) tool: usize,
    pub(crate) input: Value,
}

/// What vouches for the thought, in each format's own shape: base64, as Google demands.
pub(crate) const PROOF: &str = "cHJvb2Ygb2YgdGhlIHRob3VnaHQ=";

/// A call as this upstream makes it.
struct Made {
    id: String,
    name: String,
    /// A string for a custom tool, else an object.
    input: Value,
}

impl Made {
    fn is_custom(&self) -> bool {
        self.input.is_string()
    }

    fn written(&self) -> String {
        match &self.input {
            Value::String(text) => text.clone(),
            input => input.to_string(),
        }
    }
}

/// The stream, to a request whose body declares the tools.
pub(crate) fn stream(dialect: Dialect, said: &Saying, asked: &Value) -> Reply {
    let made = |(at, call): (usize, &Use)| {
        let (name, custom) = declared(dialect, asked, call.tool);
        let input = match (&call.input, custom) {
            // A function stands in for the custom tool.
            (Value::String(text), false) => json!({ "input": text }),
            (input, _) => input.clone(),
        };
        Made {
            id: format!("call_up_{at}"),
            name,
            input,
        }
    };
    let calls: Vec<Made> = said.calls.iter().enumerate().map(made).collect();
    Reply::sse(match dialect {
        Dialect::Chat => chat::events(said, &calls),
        Dialect::Responses => responses::events(said, &calls),
        Dialect::Messages => messages::events(said, &calls),
        Dialect::Gemini => gemini::events(said, &calls),
    })
}

/// The name of a tool of the request, and whether it takes any text.
fn declared(dialect: Dialect, asked: &Value, at: usize) -> (String, bool) {
    let tool = match dialect {
        Dialect::Gemini => &asked["tools"][0]["functionDeclarations"][at],
        _ => &asked["tools"][at],
    };
    let kind = tool["type"].as_str().unwrap_or_default();
    let name = match dialect {
        Dialect::Chat => &tool[kind]["name"],
        _ => &tool["name"],
    };
    let name = name.as_str();
    let name = name.unwrap_or_else(|| panic!("{dialect:?} declares a tool {at}: {asked}"));
    (
        name.to_owned(),
        kind == "custom" && dialect != Dialect::Messages,
    )
}

/// Halves, as streams bring them.
fn halves(text: &str) -> Vec<&str> {
    let mut at = text.len() / 2;
    while !text.is_char_boundary(at) {
        at += 1;
    }
    let halves = [&text[..at], &text[at..]];
    halves.into_iter().filter(|half| !half.is_empty()).collect()
}

fn named(payload: &Value) -> String {
    let name = payload["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {payload}\n\n")
}

fn unnamed(payload: &Value) -> String {
    format!("data: {payload}\n\n")
}
