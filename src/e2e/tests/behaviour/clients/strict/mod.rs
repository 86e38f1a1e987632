//! The rules by which each provider refuses a request: what an upstream gets must pass them.

use e2e::Dialect;
use serde_json::Value;

mod chat;
mod gemini;
mod messages;
mod responses;

/// Fails the test where the provider would answer 400.
pub(crate) fn check(dialect: Dialect, body: &Value) {
    match dialect {
        Dialect::Chat => chat::check(body),
        Dialect::Responses => responses::check(body),
        Dialect::Messages => messages::check(body),
        Dialect::Gemini => gemini::check(body),
    }
}

/// An object with members of these names only.
fn keys(what: &str, value: &Value, known: &[&str]) {
    let Some(members) = value.as_object() else {
        panic!("{what} is an object: {value}");
    };
    for name in members.keys() {
        assert!(
            known.contains(&name.as_str()),
            "{what} has no `{name}`: {value}"
        );
    }
}

fn list<'a>(what: &str, value: &'a Value) -> &'a [Value] {
    let items = value.as_array();
    items.unwrap_or_else(|| panic!("{what} is a list: {value}"))
}

/// A list that may be left out, and is not empty where it is there.
fn some<'a>(what: &str, value: &'a Value) -> &'a [Value] {
    if value.is_null() {
        return &[];
    }
    let items = list(what, value);
    assert!(!items.is_empty(), "{what} is empty");
    items
}

/// A string that is not empty.
fn text<'a>(what: &str, value: &'a Value) -> &'a str {
    match value.as_str() {
        Some(text) if !text.is_empty() => text,
        _ => panic!("{what} is a text: {value}"),
    }
}

/// A string of these characters, and not too long.
fn word<'a>(what: &str, value: &'a Value, most: usize, more: &str) -> &'a str {
    let word = text(what, value);
    let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    assert!(
        word.chars().all(fits) && word.len() <= most,
        "{what}: {word}"
    );
    word
}

/// Names of tools, each once.
fn names<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = Vec::new();
    for name in names {
        assert!(!seen.contains(&name), "two tools are called {name}");
        seen.push(name);
    }
}

/// A schema whose root is an object.
fn object_schema(what: &str, schema: &Value) {
    assert_eq!(schema["type"], "object", "{what}: {schema}");
}
