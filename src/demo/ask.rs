//! What a request asks for, whatever format it came in.

use serde_json::Value;

use super::fault::Fault;

/// A request, read.
pub(super) struct Ask {
    /// The name the caller asked for.
    pub(super) model: String,
    /// The conversation, oldest first.
    pub(super) turns: Vec<Turn>,
    /// What the caller lets the model call.
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Choice,
    /// Whether one answer may hold several calls.
    pub(super) parallel: bool,
    /// Sentences of reasoning before the answer; 0 is none.
    pub(super) thinking: usize,
    /// The most tokens the answer may have, reasoning included.
    pub(super) max_tokens: Option<u64>,
    pub(super) stops: Vec<String>,
    pub(super) shape: Shape,
    pub(super) stream: bool,
    /// The body as it came, for what only its own format knows.
    pub(super) body: Value,
}

/// One thing somebody said.
pub(super) enum Turn {
    System(String),
    User(String),
    Assistant {
        text: String,
        calls: Vec<Called>,
    },
    /// What a tool gave back for the call of that id.
    Result {
        id: String,
        text: String,
    },
}

/// A call the model made earlier in the conversation.
pub(super) struct Called {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// A tool the caller declared.
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) input: Input,
}

/// What a tool takes.
pub(super) enum Input {
    /// JSON that satisfies this schema.
    Json(Value),
    /// Any text: a "custom" tool of the two OpenAI formats.
    Text,
}

/// Whether tools may, must or must not be called.
#[derive(Debug, PartialEq)]
pub(super) enum Choice {
    Never,
    Auto,
    Must,
    /// One of these, and no other.
    Among(Vec<String>),
}

/// What the answer's text has to look like.
pub(super) enum Shape {
    Text,
    /// JSON that satisfies this schema.
    Json(Value),
}

impl Ask {
    /// An ask with nothing but a model and a body.
    pub(super) fn new(model: &str, body: &Value) -> Ask {
        Ask {
            model: model.to_owned(),
            turns: Vec::new(),
            tools: Vec::new(),
            choice: Choice::Auto,
            parallel: true,
            thinking: if model.contains("reasoner") { 2 } else { 0 },
            max_tokens: None,
            stops: Vec::new(),
            shape: Shape::Text,
            stream: false,
            body: body.clone(),
        }
    }

    /// The last thing the user said.
    pub(super) fn question(&self) -> &str {
        let said = self.turns.iter().rev().find_map(|turn| match turn {
            Turn::User(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        });
        said.unwrap_or_default()
    }

    /// What the tools gave back since the model last spoke, with the name of each.
    pub(super) fn results(&self) -> Vec<(&str, &str)> {
        let spoke = |turn: &Turn| matches!(turn, Turn::Assistant { .. });
        let since = self.turns.iter().rposition(spoke).map_or(0, |at| at + 1);
        let results = self.turns[since..].iter().filter_map(|turn| match turn {
            Turn::Result { id, text } => Some((self.called(id), text.as_str())),
            _ => None,
        });
        results.collect()
    }

    fn called(&self, wanted: &str) -> &str {
        let name = self.turns.iter().rev().find_map(|turn| match turn {
            Turn::Assistant { calls, .. } => calls.iter().find(|call| call.id == wanted),
            _ => None,
        });
        name.map_or("the tool", |call| &call.name)
    }

    /// Providers refuse a conversation whose calls and results do not pair up; a converter
    /// that loses an id is found out here.
    pub(super) fn paired(self) -> Result<Ask, Fault> {
        let mut open: Vec<&str> = Vec::new();
        for turn in &self.turns {
            match turn {
                Turn::Assistant { calls, .. } => open.extend(calls.iter().map(|c| c.id.as_str())),
                Turn::Result { id, .. } => match open.iter().position(|known| known == id) {
                    Some(at) => drop(open.remove(at)),
                    None => return Err(Fault::stray_result(id)),
                },
                Turn::User(_) if !open.is_empty() => return Err(Fault::no_result(open[0])),
                Turn::User(_) | Turn::System(_) => {}
            }
        }
        match open.first() {
            Some(id) => Err(Fault::no_result(id)),
            None => Ok(self),
        }
    }

    /// A tool choice that names what was not declared is refused, as providers do.
    pub(super) fn declared(self) -> Result<Ask, Fault> {
        if let Choice::Among(names) = &self.choice {
            let known = |name: &String| self.tools.iter().any(|tool| tool.name == *name);
            if let Some(name) = names.iter().find(|name| !known(name)) {
                let words = format!("Tool choice '{name}' not found in 'tools'.");
                return Err(Fault::invalid(words).at("tool_choice"));
            }
        }
        if self.choice == Choice::Must && self.tools.is_empty() {
            let words = "A tool choice that demands a call needs 'tools'.";
            return Err(Fault::invalid(words).at("tool_choice"));
        }
        Ok(self)
    }
}
