//! JSON schemas in the dialects of the providers. `formats.md` 7.16 and 5.7 have the rules.

mod all_of;
mod gemini;
mod messages;
mod older;
mod refs;
mod rules;
mod strict;

pub(crate) use gemini::{ForGemini, for_gemini, for_older_gemini};
pub(crate) use messages::for_messages_output;
pub(crate) use strict::is_openai_strict;

use serde_json::{Map, Value};

/// A schema's keywords, in the caller's order.
type Keywords = Map<String, Value>;

/// How a keyword's value holds schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    /// It is one, or a list of some.
    Schemas,
    /// Its members are.
    Named,
    /// Its members are, and references mean them.
    Definitions,
}

impl Holds {
    fn of(key: &str) -> Holds {
        match key {
            "$defs" | "definitions" => Holds::Definitions,
            "properties" | "patternProperties" | "dependentSchemas" => Holds::Named,
            "anyOf"
            | "oneOf"
            | "allOf"
            | "prefixItems"
            | "items"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => Holds::Schemas,
            _ => Holds::Nothing,
        }
    }
}

/// Whether `schema` is of that type, alone or among others.
fn is_of(schema: &Keywords, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => kind == "object" && schema.contains_key("properties"),
    }
}

/// The names of `required` that are properties.
fn known_names(required: &Value, properties: Option<&Value>) -> Value {
    let known = |name: &&Value| {
        let name = name.as_str().unwrap_or_default();
        properties.is_some_and(|properties| properties.get(name).is_some())
    };
    let names = required.as_array().into_iter().flatten().filter(known);
    Value::Array(names.cloned().collect())
}

/// Makes `null` one of the types.
fn or_null(schema: &mut Keywords) {
    let null = || Value::from("null");
    match schema.get_mut("type") {
        Some(Value::Array(several)) if !several.contains(&null()) => several.push(null()),
        Some(kind @ Value::String(_)) => *kind = Value::Array(vec![kind.take(), null()]),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
