//! Limits that a dialect has no keyword for, told in the description instead.

use serde_json::Value;

use super::Keywords;

/// Characters of one limit's value that are told.
const MAX_VALUE_CHARS: usize = 200;

/// Limits of one schema.
#[derive(Default)]
pub(super) struct Rules(Vec<String>);

impl Rules {
    /// Remembers a keyword that has to go.
    pub(super) fn add(&mut self, key: &str, value: &Value) {
        let written = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let value: String = written.chars().take(MAX_VALUE_CHARS).collect();
        self.0.push(format!("{key}: {value}"));
    }

    /// Tells the limits behind what the description says already.
    pub(super) fn tell(self, schema: &mut Keywords) {
        if self.0.is_empty() {
            return;
        }
        let rules = format!("({})", self.0.join(", "));
        let told = match schema.get("description").and_then(Value::as_str) {
            Some(said) if !said.is_empty() => format!("{said} {rules}"),
            _ => rules,
        };
        schema.insert("description".to_owned(), Value::String(told));
    }
}
