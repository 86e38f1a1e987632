//! Whether OpenAI takes a schema as strict.

use serde_json::Value;

use super::{Keywords, is_of};

/// Objects inside objects.
const MAX_LEVELS: usize = 10;

/// Properties of all objects together.
const MAX_PROPERTIES: usize = 5_000;

const KNOWN: [&str; 23] = [
    "$schema",
    "$defs",
    "definitions",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "$ref",
];

const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Whether OpenAI takes `schema` (raw JSON) with `strict: true` as it is: every object closed and
/// all its properties required, no `oneOf`, an object at the root.
pub(crate) fn is_openai_strict(schema: &str) -> bool {
    let Ok(Value::Object(root)) = serde_json::from_str(schema) else {
        return false;
    };
    let mut properties = 0;
    root.get("type").is_some_and(|kind| kind == "object")
        && !root.contains_key("anyOf")
        && keywords_fit(&root, MAX_LEVELS, &mut properties)
        && properties <= MAX_PROPERTIES
}

fn fits(schema: &Value, levels: usize, properties: &mut usize) -> bool {
    schema
        .as_object()
        .is_some_and(|schema| keywords_fit(schema, levels, properties))
}

fn keywords_fit(schema: &Keywords, levels: usize, properties: &mut usize) -> bool {
    if schema.contains_key("$ref") {
        return schema.len() == 1;
    }
    let says_something = ["type", "anyOf", "enum", "const"];
    let mut all = |schemas: &Value, levels| match schemas {
        Value::Object(named) => named.values().all(|one| fits(one, levels, properties)),
        Value::Array(several) => several.iter().all(|one| fits(one, levels, properties)),
        _ => false,
    };
    let below = |key: &str| schema.get(key).unwrap_or(&Value::Null);
    schema.keys().all(|key| KNOWN.contains(&key.as_str()))
        && says_something.iter().any(|key| schema.contains_key(*key))
        && schema
            .get("format")
            .is_none_or(|format| FORMATS.iter().any(|known| format == known))
        && ["$defs", "definitions", "anyOf"]
            .iter()
            .all(|key| !schema.contains_key(*key) || all(below(key), levels))
        && (!is_of(schema, "array") || fits(below("items"), levels, properties))
        && (!is_of(schema, "object") || object_fits(schema, levels, properties))
}

fn object_fits(schema: &Keywords, levels: usize, properties: &mut usize) -> bool {
    let Some(Value::Object(named)) = schema.get("properties") else {
        return false;
    };
    let required = |name: &String| {
        schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| names.iter().any(|one| one == name))
    };
    *properties += named.len();
    *properties <= MAX_PROPERTIES
        && levels > 0
        && schema.get("additionalProperties") == Some(&Value::Bool(false))
        && named.keys().all(required)
        && named.values().all(|one| fits(one, levels - 1, properties))
}
