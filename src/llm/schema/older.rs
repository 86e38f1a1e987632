//! The older subset of OpenAPI that Gemini took before 2.5: one type for each schema.

use serde_json::{Value, json};

use super::Keywords;

/// The older subset has one type for each schema: `null` becomes `nullable`, several `anyOf`.
pub(super) fn one_type(mut schema: Keywords) -> Value {
    let kinds = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.clone(),
        Some(kind) => vec![kind.clone()],
        None if schema.contains_key("enum") => vec![Value::from("string")],
        None => return Value::Object(nullable_any_of(schema)),
    };
    let (null, kinds): (Vec<_>, Vec<_>) = kinds.into_iter().partition(|kind| kind == "null");
    if let [only] = &kinds[..] {
        schema.insert("type".to_owned(), only.clone());
    } else {
        schema.shift_remove("type");
        let kinds = kinds.into_iter().map(|kind| json!({ "type": kind }));
        let kinds: Vec<_> = kinds.collect();
        if !kinds.is_empty() {
            schema.insert("anyOf".to_owned(), Value::Array(kinds));
        }
    }
    if !null.is_empty() {
        schema.insert("nullable".to_owned(), Value::Bool(true));
    }
    Value::Object(schema)
}

/// `anyOf` with a `null` (that is, what [`one_type`] made of it) among its schemas is `nullable`;
/// with one left, that one.
fn nullable_any_of(mut schema: Keywords) -> Keywords {
    let Some(Value::Array(any)) = schema.get_mut("anyOf") else {
        return schema;
    };
    let before = any.len();
    any.retain(|one| *one != json!({ "nullable": true }));
    let null = any.len() < before;
    if let [Value::Object(only)] = &any[..] {
        let only = only.clone();
        schema.shift_remove("anyOf");
        for (key, value) in only {
            schema.entry(key).or_insert(value);
        }
    }
    if null {
        schema.insert("nullable".to_owned(), Value::Bool(true));
    }
    schema
}
