//! Turns Google's schema (OpenAPI 3.0: types in capitals, `nullable`) into JSON schema.
//!
//! Written member by member in the order given, so that a schema reads the same every time.

use std::fmt::Write;

use serde_json::value::RawValue;

use super::super::read::{Members, bare, camel, list, text};
use crate::loose::compact;

/// Schemas nested deeper are left as they are.
const MAX_DEPTH: usize = 64;

/// The JSON schema that says what `schema` says. What is no schema comes back as it is.
pub(super) fn to_json_schema(schema: &RawValue) -> String {
    let mut out = String::with_capacity(schema.get().len());
    write(schema, 0, &mut out);
    out
}

fn write(schema: &RawValue, depth: usize, out: &mut String) {
    let members = match Members::of(schema, "") {
        Ok(members) if depth < MAX_DEPTH => members,
        _ => return out.push_str(&compact(schema.get())),
    };
    let nullable = is_nullable(schema);
    let mut object = Object { out, begun: false };
    object.out.push('{');
    for member in members {
        let value = member.value;
        match &*camel(&member.key) {
            "type" => kind(value, nullable, &mut object),
            "nullable" | "propertyOrdering" | "example" => {}
            // "enum" is Google's word for a string with an enum.
            "format" if bare(value) == "enum" => {}
            name @ ("minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties") => object.member(name, |out| out.push_str(bare(value))),
            name @ ("items" | "additionalProperties" | "not") => {
                object.member(name, |out| write(value, depth + 1, out));
            }
            name @ ("properties" | "patternProperties") => {
                object.member(name, |out| each_property(value, depth, out));
            }
            "defs" | "$defs" => object.member("$defs", |out| each_property(value, depth, out)),
            "ref" => object.member("$ref", |out| out.push_str(value.get())),
            name @ ("anyOf" | "oneOf" | "allOf" | "prefixItems") => {
                let null = nullable && name == "anyOf";
                object.member(name, |out| alternatives(value, null, depth, out));
            }
            "enum" => object.member("enum", |out| values(value, nullable, out)),
            name => object.member(name, |out| out.push_str(&compact(value.get()))),
        }
    }
    out.push('}');
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut String,
    begun: bool,
}

impl Object<'_> {
    fn member(&mut self, name: &str, value: impl FnOnce(&mut String)) {
        if self.begun {
            self.out.push(',');
        }
        self.begun = true;
        // A string takes everything.
        let _ = write!(self.out, "{}:", crate::patch::quoted(name));
        value(self.out);
    }
}

fn is_nullable(schema: &RawValue) -> bool {
    let members = Members::of(schema, "").into_iter().flatten();
    let mut nullable = members.filter(|member| member.key == "nullable");
    nullable.any(|member| member.value.get() == "true")
}

fn kind(value: &RawValue, nullable: bool, object: &mut Object<'_>) {
    let Some(kind) = text(value.get()) else {
        return object.member("type", |out| out.push_str(&compact(value.get())));
    };
    let kind = kind.to_ascii_lowercase();
    if kind == "type_unspecified" {
        return;
    }
    let kind = crate::patch::quoted(&kind);
    object.member("type", |out| match nullable {
        true => _ = write!(out, "[{kind},\"null\"]"),
        false => out.push_str(&kind),
    });
}

fn each_property(value: &RawValue, depth: usize, out: &mut String) {
    let Ok(members) = Members::of(value, "") else {
        return out.push_str(&compact(value.get()));
    };
    let mut object = Object { out, begun: false };
    object.out.push('{');
    for member in members {
        object.member(&member.key, |out| write(member.value, depth + 1, out));
    }
    out.push('}');
}

fn alternatives(value: &RawValue, null: bool, depth: usize, out: &mut String) {
    let Ok(schemas) = list(value, "") else {
        return out.push_str(&compact(value.get()));
    };
    out.push('[');
    for (at, schema) in schemas.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(schema, depth + 1, out);
    }
    if null {
        out.push_str(",{\"type\":\"null\"}");
    }
    out.push(']');
}

/// The values of an enum; null is one of them where the schema takes it.
fn values(value: &RawValue, nullable: bool, out: &mut String) {
    let values = compact(value.get());
    match values.strip_suffix(']') {
        Some(open) if nullable && !values.contains("null") => {
            out.push_str(open);
            out.push_str(if open == "[" { "null]" } else { ",null]" });
        }
        _ => out.push_str(&values),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(schema: &str, wanted: &str) {
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        assert_eq!(to_json_schema(raw), wanted);
    }

    #[test]
    fn types_are_lower_case_and_null_is_a_type() {
        check(
            r#"{"type":"OBJECT","properties":{"b":{"type":"STRING","nullable":true},"a":{"type":"INTEGER","format":"int32"}},
                "required":["b"],"propertyOrdering":["b","a"]}"#,
            r#"{"type":"object","properties":{"b":{"type":["string","null"]},"a":{"type":"integer","format":"int32"}},"required":["b"]}"#,
        );
    }

    #[test]
    fn a_property_may_be_called_like_a_keyword() {
        check(
            r#"{"type":"OBJECT","properties":{"type":{"type":"STRING"},"nullable":{"type":"BOOLEAN"},"any_of":{"type":"STRING"}}}"#,
            r#"{"type":"object","properties":{"type":{"type":"string"},"nullable":{"type":"boolean"},"any_of":{"type":"string"}}}"#,
        );
    }

    #[test]
    fn enums_lists_and_alternatives_are_kept() {
        check(
            r#"{"type":"ARRAY","min_items":"1","items":{"type":"STRING","format":"enum","enum":["a","b"],"nullable":true}}"#,
            r#"{"type":"array","minItems":1,"items":{"type":["string","null"],"enum":["a","b",null]}}"#,
        );
        check(
            r#"{"any_of":[{"type":"STRING"},{"type":"NUMBER"}],"nullable":true,"description":"d "}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"number"},{"type":"null"}],"description":"d "}"#,
        );
    }

    #[test]
    fn json_schema_stays_what_it_is() {
        let schema =
            r##"{"type":["string","null"],"$ref":"#/$defs/x","default":{"type":"STRING"}}"##;
        check(schema, schema);
        check("true", "true");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}true{}", r#"{"items":"#.repeat(100), "}".repeat(100));
        check(&deep, &deep);
    }
}
