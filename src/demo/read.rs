//! Takes fields out of a JSON body and says which one is wrong.

use serde_json::{Map, Value};

use super::fault::Fault;

type Read<T> = Result<T, Fault>;

/// The body as a JSON object.
pub(super) fn object(body: &[u8]) -> Read<Value> {
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    match parsed {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(Fault::invalid("The body is not a JSON object.")),
        Err(cause) => Err(Fault::invalid(format!(
            "We could not parse the JSON body of your request. ({cause})"
        ))),
    }
}

/// The field, unless it is absent or null.
pub(super) fn field<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.get(name).filter(|value| !value.is_null())
}

/// The field under its camelCase or snake_case name; Gemini takes both.
pub(super) fn either<'a>(of: &'a Value, camel: &str) -> Option<&'a Value> {
    field(of, camel).or_else(|| field(of, &snake(camel)))
}

fn snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

pub(super) fn string<'a>(of: &'a Value, name: &str) -> Read<Option<&'a str>> {
    let Some(value) = field(of, name) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(text) => Ok(Some(text)),
        None => Err(Fault::wrong_type(name, "a string")),
    }
}

/// The string, or "" where there is none.
pub(super) fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    field(of, name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn flag(of: &Value, name: &str) -> Read<Option<bool>> {
    let Some(value) = field(of, name) else {
        return Ok(None);
    };
    match value.as_bool() {
        Some(flag) => Ok(Some(flag)),
        None => Err(Fault::wrong_type(name, "a boolean")),
    }
}

/// A whole number of at least `least`.
pub(super) fn number(of: &Value, name: &str, least: u64) -> Read<Option<u64>> {
    let Some(value) = field(of, name) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(number) if number >= least => Ok(Some(number)),
        _ => {
            let wanted = format!("an integer of at least {least}");
            Err(Fault::wrong_type(name, &wanted))
        }
    }
}

pub(super) fn array<'a>(of: &'a Value, name: &str) -> Read<&'a [Value]> {
    match field(of, name) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Fault::wrong_type(name, "an array")),
    }
}

/// An array that must be there with something in it.
pub(super) fn filled<'a>(of: &'a Value, name: &str) -> Read<&'a [Value]> {
    match array(of, name)? {
        [] if field(of, name).is_none() => Err(Fault::missing(name)),
        [] => Err(Fault::invalid(format!("'{name}' must not be empty.")).at(name)),
        items => Ok(items),
    }
}

/// A string, or an array of them.
pub(super) fn strings(of: &Value, name: &str) -> Read<Vec<String>> {
    let wrong = || Fault::wrong_type(name, "a string or an array of strings");
    let items = match field(of, name) {
        None => return Ok(Vec::new()),
        Some(Value::String(one)) => return Ok(vec![one.clone()]),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong()),
    };
    let owned = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(wrong);
    items.iter().map(owned).collect()
}

/// The name of the model, which every format demands and no format lets be unknown.
pub(super) fn model(of: &Value) -> Read<&str> {
    let name = string(of, "model")?.filter(|name| !name.is_empty());
    known(name.ok_or_else(|| Fault::missing("model"))?)
}

/// Any name is served but those that begin with `no-such-`, so that a client's handling of
/// an unknown model can be tried too.
pub(super) fn known(model: &str) -> Read<&str> {
    if model.starts_with("no-such-") {
        return Err(Fault::no_model(model));
    }
    Ok(model)
}

/// The texts of a content: a string, or parts that may carry text. What is no text stands as
/// its type in brackets, so that a prompt with an image is longer than one without.
pub(super) fn texts(content: Option<&Value>) -> Read<Vec<String>> {
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        Some(_) => Err(Fault::wrong_type(
            "content",
            "a string or an array of parts",
        )),
    }
}

fn part(part: &Value) -> Read<String> {
    let Some(fields) = part.as_object() else {
        return Err(Fault::wrong_type("content", "an array of objects"));
    };
    Ok(part_text(fields))
}

fn part_text(fields: &Map<String, Value>) -> String {
    let said = ["text", "refusal"]
        .iter()
        .find_map(|name| fields.get(*name)?.as_str());
    match said {
        Some(text) => text.to_owned(),
        None => format!(
            "[{}]",
            fields.get("type").and_then(Value::as_str).unwrap_or("part")
        ),
    }
}

/// All texts of a content as one.
pub(super) fn joined(content: Option<&Value>) -> Read<String> {
    Ok(texts(content)?.join("\n"))
}
