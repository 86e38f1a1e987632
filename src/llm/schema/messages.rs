//! Schemas as Anthropic takes them for structured output.

use serde_json::Value;

use super::all_of::join_all_of;
use super::refs::is_recursive;
use super::rules::Rules;
use super::{Keywords, is_of, known_names, or_null};

const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// `schema` as Anthropic takes it for structured output: objects closed, `oneOf` as `anyOf`,
/// limits it does not know told in the description. `None` for what it cannot take at all
/// (recursion, open maps): force a tool instead.
pub(crate) fn for_messages_output(schema: &str) -> Option<String> {
    let mut root: Value = serde_json::from_str(schema).ok()?;
    if !join_all_of(&mut root) || is_recursive(&root) {
        return None;
    }
    Some(clean(root)?.to_string())
}

fn clean(schema: Value) -> Option<Value> {
    let Value::Object(mut schema) = schema else {
        return None;
    };
    if let Some(reference) = schema.shift_remove("$ref") {
        return pointing(reference, &schema);
    }
    let mut cleaned = Keywords::new();
    let mut rules = Rules::default();
    let required = schema.shift_remove("required");
    let nullable = schema.shift_remove("nullable");
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (key, value) in schema {
        keyword(&key, value, &mut cleaned, &mut rules)?;
    }
    rules.tell(&mut cleaned);
    if let Some(names) = required {
        let names = known_names(&names, cleaned.get("properties"));
        cleaned.insert("required".to_owned(), names);
    }
    if nullable == Some(Value::Bool(true)) {
        or_null(&mut cleaned);
    }
    is_bounded(&mut cleaned, closed).then_some(Value::Object(cleaned))
}

/// A reference stands alone; what was said beside it is said around it.
fn pointing(reference: Value, beside: &Keywords) -> Option<Value> {
    let words = ["title", "description", "default"];
    let alone = Keywords::from_iter([("$ref".to_owned(), reference)]);
    let mut around = Keywords::new();
    for (key, value) in beside {
        match words.contains(&key.as_str()) {
            true => around.insert(key.clone(), value.clone()),
            false => return None,
        };
    }
    if around.is_empty() {
        return Some(Value::Object(alone));
    }
    around.insert("anyOf".to_owned(), Value::Array(vec![Value::Object(alone)]));
    Some(Value::Object(around))
}

/// Takes one keyword over; `None` when the schema cannot be taken because of it.
fn keyword(key: &str, value: Value, cleaned: &mut Keywords, rules: &mut Rules) -> Option<()> {
    let kept = match key {
        "type" | "title" | "description" | "const" | "default" => value,
        "enum" if value.as_array()?.iter().all(is_plain) => value,
        "enum" => return None,
        "properties" | "$defs" | "definitions" => each(value)?,
        "items" => clean(value)?,
        "anyOf" | "oneOf" if !cleaned.contains_key("anyOf") => {
            cleaned.insert("anyOf".to_owned(), each(value)?);
            return Some(());
        }
        // Told last, of every object.
        "additionalProperties" if value == false => return Some(()),
        "minItems" if value == 0 || value == 1 => value,
        "format" if FORMATS.iter().any(|known| value == *known) => value,
        "pattern" if is_simple(value.as_str()?) => value,
        "minItems" | "format" | "pattern" | "maxItems" | "uniqueItems" | "minLength"
        | "maxLength" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum"
        | "multipleOf" | "minProperties" | "maxProperties" => {
            rules.add(key, &value);
            return Some(());
        }
        "anyOf"
        | "oneOf"
        | "additionalProperties"
        | "patternProperties"
        | "prefixItems"
        | "not"
        | "if"
        | "contains"
        | "propertyNames"
        | "dependentSchemas"
        | "dependentRequired"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "$dynamicRef" => {
            return None;
        }
        // Words about the schema, and keywords that nobody knows.
        _ => return Some(()),
    };
    cleaned.insert(key.to_owned(), kept);
    Some(())
}

/// Every schema of a map or a list.
fn each(schemas: Value) -> Option<Value> {
    match schemas {
        Value::Object(named) => named
            .into_iter()
            .map(|(name, schema)| Some((name, clean(schema)?)))
            .collect::<Option<Keywords>>()
            .map(Value::Object),
        Value::Array(several) => several
            .into_iter()
            .map(clean)
            .collect::<Option<Vec<_>>>()
            .map(Value::Array),
        _ => None,
    }
}

/// Closes an object (`closed`: it was). `false` for what is not bounded: any value, any keys, any
/// elements.
fn is_bounded(schema: &mut Keywords, closed: bool) -> bool {
    if is_of(schema, "object") {
        let empty = schema
            .get("properties")
            .and_then(Value::as_object)
            .is_none_or(Keywords::is_empty);
        if empty && !closed {
            return false;
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    let says_something = ["type", "anyOf", "enum", "const"];
    says_something.iter().any(|key| schema.contains_key(*key))
        && (!is_of(schema, "array") || schema.contains_key("items"))
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Whether a pattern does without what Anthropic's engine leaves out: look-around, back
/// references, word boundaries.
fn is_simple(pattern: &str) -> bool {
    let escapes = pattern
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0] == b'\\');
    let mut odd = escapes.filter(|pair| pair[1].is_ascii_digit() || matches!(pair[1], b'b' | b'B'));
    odd.next().is_none() && !pattern.contains("(?")
}
