//! Decides what the demo model answers: reasoning, text or tool calls, and where it stops.

use serde_json::Value;

use super::ask::{Ask, Shape};
use super::{choose, limit, prose, schema};

/// An answer, before any format has seen it.
pub(super) struct Answer {
    /// Empty when the caller did not ask for reasoning.
    pub(super) thinking: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) end: End,
    pub(super) usage: llm::Usage,
}

/// A tool call of this answer.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

/// What a call passes to its tool.
pub(super) enum Arguments {
    Json(Value),
    Text(String),
}

/// Why the answer ends.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    Done,
    Calls,
    Length,
    /// This stop sequence came up.
    Stop(String),
}

impl Call {
    /// What travels as text: the JSON of the arguments, or the text itself.
    pub(super) fn written(&self) -> String {
        match &self.arguments {
            Arguments::Json(value) => value.to_string(),
            Arguments::Text(text) => text.clone(),
        }
    }
}

/// The answer to an ask.
pub(super) fn answer(ask: &Ask) -> Answer {
    let question = ask.question();
    let thinking = prose::thoughts(question, ask.thinking);
    let calls = choose::calls(ask);
    let text = if calls.is_empty() {
        text(ask)
    } else {
        String::new()
    };
    limit::limited(ask, thinking, text, calls)
}

fn text(ask: &Ask) -> String {
    if let Shape::Json(schema) = &ask.shape {
        return schema::fill(schema, ask.question()).to_string();
    }
    let results = ask.results();
    if results.is_empty() {
        prose::answer(ask.question())
    } else {
        prose::from_results(ask.question(), &results)
    }
}
