//! Makes a value that satisfies a JSON Schema, out of what the user said.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::said;

/// Deeper than any tool's arguments; a schema that refers to itself ends here.
const DEPTH: usize = 12;
/// The most values made in all: what refers to itself twice would grow without end.
const VALUES: usize = 400;
/// The most elements made for an array, whatever `minItems` says.
const ITEMS: u64 = 16;
/// The most characters made for a string, whatever `minLength` says.
const TEXT: usize = 400;

/// A value for `schema`; strings and numbers come from `said`.
pub(super) fn fill(schema: &Value, said: &str) -> Value {
    let left = Cell::new(VALUES);
    let filler = Filler {
        root: schema,
        said,
        left,
    };
    filler.value(schema, "", DEPTH)
}

struct Filler<'a> {
    root: &'a Value,
    said: &'a str,
    left: Cell<usize>,
}

impl Filler<'_> {
    fn value(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let left = self.left.get();
        if depth == 0 || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);
        if let Some(target) = self.resolved(schema) {
            return self.value(target, name, depth - 1);
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return self.one_of(values);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(Value::Array(options)) = schema.get(choice) {
                return self.value(first_real(options), name, depth - 1);
            }
        }
        if let Some(Value::Array(all)) = schema.get("allOf") {
            return self.merged(all, name, depth - 1);
        }
        match kind(schema) {
            "object" => self.object(schema, depth - 1),
            "array" => self.array(schema, name, depth - 1),
            "integer" => whole(bounded(said::number(self.said).trunc(), schema).ceil()),
            "number" => json!(bounded(said::number(self.said), schema)),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(sized(self.string(schema, name), schema)),
        }
    }

    /// Where `$ref` points to, inside the same document.
    fn resolved(&self, schema: &Value) -> Option<&Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The value the user named, or the first.
    fn one_of(&self, values: &[Value]) -> Value {
        let said = self.said.to_lowercase();
        let named = values.iter().find(|value| {
            let word = value.as_str().unwrap_or_default().to_lowercase();
            !word.is_empty() && said.contains(&word)
        });
        named.or(values.first()).cloned().unwrap_or_default()
    }

    fn merged(&self, all: &[Value], name: &str, depth: usize) -> Value {
        let mut fields = Map::new();
        for schema in all {
            match self.value(schema, name, depth) {
                Value::Object(more) => fields.extend(more),
                other => return other,
            }
        }
        Value::Object(fields)
    }

    /// An object with its required properties, and no others.
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let names = schema.get("required").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        let anything = json!({});
        let filled = names.map(|name| {
            let property = schema.get("properties").and_then(|all| all.get(name));
            let value = self.value(property.unwrap_or(&anything), name, depth);
            (name.to_owned(), value)
        });
        Value::Object(filled.collect())
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if let Some(Value::Array(each)) = schema.get("prefixItems") {
            return each
                .iter()
                .map(|item| self.value(item, name, depth))
                .collect();
        }
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        let most = limit("maxItems").unwrap_or(ITEMS).min(ITEMS);
        let count = limit("minItems").unwrap_or(1).min(most);
        let anything = json!({});
        let item = schema.get("items").unwrap_or(&anything);
        (0..count).map(|_| self.value(item, name, depth)).collect()
    }

    fn string(&self, schema: &Value, name: &str) -> String {
        match schema.get("format").and_then(Value::as_str) {
            Some("date") => "2026-01-01".into(),
            Some("date-time") => "2026-01-01T12:00:00Z".into(),
            Some("time") => "12:00:00Z".into(),
            Some("email") => "someone@example.com".into(),
            Some("uri" | "url") => "https://example.com/".into(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".into(),
            _ if said::is_place(name) => said::place(self.said).to_owned(),
            _ => said::quoted(self.said).unwrap_or(self.said).to_owned(),
        }
    }
}

fn kind(schema: &Value) -> &'static str {
    let named = match schema.get("type") {
        Some(Value::Array(types)) => first_real(types).as_str(),
        Some(one) => one.as_str(),
        None if schema.get("properties").is_some() => Some("object"),
        None if schema.get("items").is_some() => Some("array"),
        None => None,
    };
    // Gemini writes type names in capitals.
    match named.unwrap_or("string").to_ascii_lowercase().as_str() {
        "object" => "object",
        "array" => "array",
        "integer" => "integer",
        "number" => "number",
        "boolean" => "boolean",
        "null" => "null",
        _ => "string",
    }
}

/// The first option that is not null.
fn first_real(options: &[Value]) -> &Value {
    let null = |option: &Value| option == "null" || option.get("type").is_some_and(|t| t == "null");
    options
        .iter()
        .find(|option| !null(option))
        .unwrap_or(&Value::Null)
}

/// The number nearest to `number` that the schema allows, or close to it.
fn bounded(number: f64, schema: &Value) -> f64 {
    let limit = |key| schema.get(key).and_then(Value::as_f64);
    let (above, below) = (limit("exclusiveMinimum"), limit("exclusiveMaximum"));
    let (least, most) = (limit("minimum").or(above), limit("maximum").or(below));
    // Half the room there is, so that both exclusive ends stay outside.
    let room = least
        .zip(most)
        .map_or(1.0, |(least, most)| (most - least) / 2.0);
    let inside = |open: Option<f64>| if open.is_some() { room.min(1.0) } else { 0.0 };
    let mut number = number;
    if let Some(least) = least {
        number = number.max(least + inside(above));
    }
    if let Some(most) = most {
        number = number.min(most - inside(below));
    }
    match limit("multipleOf").filter(|step| *step > 0.0) {
        Some(step) => (number / step).ceil() * step,
        None => number,
    }
}

fn whole(number: f64) -> Value {
    // `as` saturates: a number too large for the type becomes its largest.
    Value::from(number as i64)
}

fn sized(text: String, schema: &Value) -> String {
    let limit = |key| schema.get(key).and_then(Value::as_u64).map(|n| n as usize);
    let most = limit("maxLength").unwrap_or(TEXT).min(TEXT);
    let mut text: String = text.chars().take(most).collect();
    let least = limit("minLength").unwrap_or(0).min(TEXT);
    for _ in text.chars().count()..least {
        text.push('x');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: Value, said: &str, wanted: Value) {
        assert_eq!(fill(&schema, said), wanted, "for {schema}");
    }

    #[test]
    fn required_properties_are_filled_from_the_text() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "days": { "type": "integer", "maximum": 7 },
                "unit": { "type": "string", "enum": ["celsius", "fahrenheit"] },
                "note": { "type": "string" },
            },
            "required": ["city", "days", "unit"],
        });
        check(
            schema,
            "How warm is it in New York for 10 days, in Fahrenheit?",
            json!({ "city": "New York", "days": 7, "unit": "fahrenheit" }),
        );
    }

    #[test]
    fn references_and_nested_objects_are_followed() {
        let schema = json!({
            "$defs": { "point": { "type": "object", "properties": { "x": { "type": "number" } }, "required": ["x"] } },
            "type": "object",
            "properties": { "line": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/point" } } },
            "required": ["line"],
        });
        check(
            schema,
            "at 2.5",
            json!({ "line": [{ "x": 2.5 }, { "x": 2.5 }] }),
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": { "next": { "$ref": "#" } },
            "required": ["next"],
        });
        assert!(fill(&schema, "").is_object());
    }

    #[test]
    fn capital_type_names_and_nullable_unions_are_understood() {
        check(json!({ "type": "STRING" }), "say \"hi\" now", json!("hi"));
        check(
            json!({ "type": ["null", "integer"] }),
            "12 apples",
            json!(12),
        );
        check(
            json!({ "anyOf": [{ "type": "null" }, { "type": "boolean" }] }),
            "",
            json!(true),
        );
    }

    #[test]
    fn numbers_stay_inside_their_limits() {
        let open = json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 });
        check(open, "7 apples", json!(0.5));
        check(
            json!({ "type": "integer", "exclusiveMinimum": 7 }),
            "7",
            json!(8),
        );
        check(
            json!({ "type": "integer", "multipleOf": 5 }),
            "7",
            json!(10),
        );
    }

    #[test]
    fn limits_of_hostile_schemas_are_ours() {
        let huge = json!({ "type": "array", "minItems": 1_000_000_000_u64 });
        assert_eq!(
            fill(&huge, "x").as_array().map(Vec::len),
            Some(ITEMS as usize)
        );
        let item = json!({ "type": "array", "minItems": 16, "items": { "$ref": "#" } });
        assert!(fill(&item, "x").to_string().len() < 16 * VALUES);
        let long = json!({ "type": "string", "minLength": 1_000_000_000_u64 });
        assert_eq!(fill(&long, "x").as_str().map(str::len), Some(TEXT));
    }
}
