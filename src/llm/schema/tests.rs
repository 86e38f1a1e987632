#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[track_caller]
fn check(cleaned: &str, wanted: Value) {
    assert_eq!(cleaned, wanted.to_string(), "keys keep their order");
}

mod strict {
    use super::*;

    fn takes(schema: Value) -> bool {
        is_openai_strict(&schema.to_string())
    }

    fn object(properties: Value) -> Value {
        let names: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        json!({
            "type": "object", "properties": properties, "required": names,
            "additionalProperties": false
        })
    }

    #[test]
    fn closed_objects_whose_properties_are_all_required_are_strict() {
        assert!(takes(object(json!({}))));
        assert!(takes(object(json!({
            "a": { "type": "string", "description": "d", "pattern": "^x$", "format": "email" },
            "b": { "type": ["integer", "null"], "minimum": 1 },
            "c": { "type": "array", "items": object(json!({ "d": { "enum": ["x"] } })) },
            "e": { "anyOf": [{ "$ref": "#/$defs/x" }, { "type": "null" }] },
        }))));
        let mut recursive = object(json!({ "next": { "$ref": "#" } }));
        recursive["$defs"] = json!({ "x": object(json!({})) });
        assert!(takes(recursive));
    }

    #[test]
    fn whatever_openai_refuses_is_not() {
        let mut open = object(json!({ "a": { "type": "string" } }));
        open["additionalProperties"] = json!(true);
        assert!(!takes(open), "an open object");
        let mut optional = object(json!({ "a": { "type": "string" } }));
        optional["required"] = json!([]);
        assert!(!takes(optional), "an optional property");
        for inner in [
            json!({}),
            json!(true),
            json!({ "type": "object" }),
            json!({ "type": "array" }),
            json!({ "oneOf": [{ "type": "string" }] }),
            json!({ "type": "string", "minLength": 1 }),
            json!({ "type": "string", "format": "uri" }),
            json!({ "$ref": "#/$defs/x", "description": "d" }),
        ] {
            assert!(!takes(object(json!({ "a": inner }))), "{inner}");
        }
        assert!(
            !takes(json!({ "anyOf": [object(json!({}))] })),
            "no object at the root"
        );
        assert!(!takes(json!({ "type": "string" })));
        assert!(!is_openai_strict("{"));
    }

    #[test]
    fn depth_is_bounded() {
        let nested =
            |levels| (0..levels).fold(object(json!({})), |inner, _| object(json!({ "a": inner })));
        assert!(takes(nested(9)));
        assert!(!takes(nested(10)));
    }
}

mod messages {
    use super::*;

    #[track_caller]
    fn becomes(schema: Value, wanted: Value) {
        check(&for_messages_output(&schema.to_string()).unwrap(), wanted);
    }

    #[test]
    fn objects_are_closed_and_limits_are_told() {
        becomes(
            json!({
                "$schema": "x", "type": "object",
                "properties": {
                    "n": { "type": "integer", "minimum": 1, "maximum": 5 },
                    "s": { "type": "string", "description": "A name.", "minLength": 2 },
                    "l": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 3 },
                    "f": { "type": "string", "format": "uuid" },
                    "g": { "type": "string", "format": "hex" },
                },
                "required": ["s", "nobody"],
            }),
            json!({
                "type": "object",
                "properties": {
                    "n": { "type": "integer", "description": "(minimum: 1, maximum: 5)" },
                    "s": { "type": "string", "description": "A name. (minLength: 2)" },
                    "l": { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "(maxItems: 3)" },
                    "f": { "type": "string", "format": "uuid" },
                    "g": { "type": "string", "description": "(format: hex)" },
                },
                "required": ["s"],
                "additionalProperties": false,
            }),
        );
    }

    #[test]
    fn one_of_is_any_of_and_references_stand_alone() {
        let x = json!({ "type": "object", "properties": { "a": { "const": 1 } }, "additionalProperties": false });
        becomes(
            json!({
                "oneOf": [{ "$ref": "#/$defs/x" }, { "$ref": "#/$defs/x", "description": "d" }],
                "$defs": { "x": x },
            }),
            json!({
                "anyOf": [
                    { "$ref": "#/$defs/x" },
                    { "description": "d", "anyOf": [{ "$ref": "#/$defs/x" }] },
                ],
                "$defs": { "x": x },
            }),
        );
    }

    #[test]
    fn all_of_is_joined() {
        becomes(
            json!({
                "$defs": { "base": { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] } },
                "type": "object",
                "allOf": [
                    { "$ref": "#/$defs/base" },
                    { "properties": { "b": { "type": ["string", "null"] } }, "required": ["b"] },
                ],
            }),
            json!({
                "$defs": { "base": { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"], "additionalProperties": false } },
                "type": "object",
                "properties": { "a": { "type": "string" }, "b": { "type": ["string", "null"] } },
                "required": ["a", "b"],
                "additionalProperties": false,
            }),
        );
    }

    #[test]
    fn patterns_that_the_engine_knows_stay() {
        becomes(
            json!({ "type": "string", "pattern": "^[a-z]{2}\\d$" }),
            json!({ "type": "string", "pattern": "^[a-z]{2}\\d$" }),
        );
        becomes(
            json!({ "type": "string", "pattern": "(?=a)\\bb", "nullable": true }),
            json!({ "type": ["string", "null"], "description": "(pattern: (?=a)\\bb)" }),
        );
    }

    #[test]
    fn what_cannot_be_bounded_is_left_to_a_forced_tool() {
        let object = |property: Value| json!({ "type": "object", "properties": { "a": property } });
        for schema in [
            json!(true),
            json!({}),
            json!({ "type": "object" }),
            object(json!({ "type": "object", "additionalProperties": true })),
            object(json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            object(json!({ "type": "array" })),
            object(json!({ "type": "array", "items": {} })),
            object(json!({ "$ref": "#" })),
            object(json!({ "not": { "type": "string" } })),
            object(json!({ "type": "array", "prefixItems": [{ "type": "string" }] })),
            object(json!({ "allOf": [{ "type": "string" }, { "type": "integer" }] })),
            json!({
                "$defs": {
                    "a": object(json!({ "$ref": "#/$defs/b" })),
                    "b": object(json!({ "$ref": "#/$defs/a" })),
                },
                "$ref": "#/$defs/a"
            }),
        ] {
            assert_eq!(for_messages_output(&schema.to_string()), None, "{schema}");
        }
    }
}

mod gemini {
    use super::*;

    #[track_caller]
    fn becomes(schema: Value, wanted: Value) {
        check(&for_gemini(&schema.to_string()).schema, wanted);
    }

    #[track_caller]
    fn was(schema: Value, wanted: Value) {
        check(&for_older_gemini(&schema.to_string()).schema, wanted);
    }

    #[test]
    fn known_keywords_stay_in_their_order() {
        let schema = json!({
            "title": "T", "type": "object", "description": "d",
            "properties": {
                "b": { "type": "string", "enum": ["x", "y"], "format": "date" },
                "a": { "type": ["integer", "null"], "minimum": 0, "maximum": 9, "format": "int32" },
                "c": { "type": "array", "items": { "type": "number" }, "minItems": 1 },
            },
            "required": ["b"], "additionalProperties": false, "propertyOrdering": ["b", "a"],
        });
        becomes(schema.clone(), schema);
    }

    #[test]
    fn unknown_ones_are_told_or_dropped() {
        becomes(
            json!({
                "$schema": "x", "type": "object",
                "properties": {
                    "a": { "const": "k", "examples": ["k"] },
                    "b": { "type": "string", "pattern": "^x", "default": "x" },
                    "c": { "enum": [true, false], "type": "boolean" },
                    "d": { "enum": ["u", null], "type": ["string", "null"] },
                    "e": { "type": "array" },
                },
                "required": ["a", "z"],
            }),
            json!({
                "type": "object",
                "properties": {
                    "a": { "enum": ["k"] },
                    "b": { "type": "string", "description": "(pattern: ^x)" },
                    "c": { "type": "boolean", "description": "(one of: [true,false])" },
                    "d": { "enum": ["u"], "type": ["string", "null"] },
                    "e": { "type": "array", "items": {} },
                },
                "required": ["a"],
            }),
        );
    }

    #[test]
    fn references_stand_alone_and_mean_definitions() {
        becomes(
            json!({
                "type": "object",
                "properties": {
                    "a": { "$ref": "#/definitions/n" },
                    "b": { "$ref": "#/definitions/n", "description": "the second" },
                    "c": { "allOf": [{ "$ref": "#/definitions/n" }], "title": "C", "default": null },
                    "d": { "$ref": "#/properties/a" },
                },
                "definitions": { "n": { "oneOf": [{ "type": "string" }, { "$ref": "#/definitions/n" }] } },
            }),
            json!({
                "type": "object",
                "properties": {
                    "a": { "$ref": "#/$defs/n" },
                    "b": { "description": "the second", "anyOf": [{ "$ref": "#/$defs/n" }] },
                    "c": { "title": "C", "anyOf": [{ "$ref": "#/$defs/n" }] },
                    "d": { "$ref": "#/$defs/n" },
                },
                "$defs": { "n": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/n" }] } },
            }),
        );
    }

    #[test]
    fn the_older_subset_has_one_type_and_no_references() {
        was(
            json!({
                "$defs": { "p": { "type": "object", "properties": { "x": { "type": "integer" } } } },
                "type": "object",
                "properties": {
                    "a": { "type": ["string", "null"] },
                    "b": { "$ref": "#/$defs/p", "description": "a point" },
                    "c": { "type": ["string", "integer"] },
                    "d": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                    "e": { "enum": [1, 2], "type": "integer" },
                    "f": { "const": "k" },
                    "g": { "type": "array" },
                    "h": { "type": "string", "format": "date" },
                },
                "additionalProperties": false,
            }),
            json!({
                "type": "object",
                "properties": {
                    "a": { "type": "string", "nullable": true },
                    "b": { "type": "object", "properties": { "x": { "type": "integer" } }, "description": "a point" },
                    "c": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
                    "d": { "type": "string", "nullable": true },
                    "e": { "type": "integer", "description": "(one of: [1,2])" },
                    "f": { "enum": ["k"], "type": "string" },
                    "g": { "type": "array", "items": { "type": "string" } },
                    "h": { "type": "string", "description": "(format: date)" },
                },
            }),
        );
    }

    #[test]
    fn circles_end_in_any_object() {
        let tree = json!({
            "type": "object",
            "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } },
        });
        let cleaned = for_older_gemini(&tree.to_string()).schema;
        assert!(cleaned.len() < 4 * 1024 * 1024, "{} bytes", cleaned.len());
        assert!(!cleaned.contains("$ref"));
        assert!(for_gemini(&tree.to_string()).schema.len() < 4 * 1024 * 1024);
    }

    #[test]
    fn deep_definitions_inside_one_another_do_not_grow_deeper_without_end() {
        let deep = |next: Value| (0..50).fold(next, |inner, _| json!({ "items": inner }));
        let by_reference = deep(json!({ "$ref": "#/$defs/d" }));
        let by_all_of = deep(json!({ "allOf": [{ "$ref": "#/$defs/d" }, { "minItems": 1 }] }));
        for deep in [by_reference, by_all_of] {
            let schema = json!({ "$defs": { "d": deep }, "$ref": "#/$defs/d" }).to_string();
            for cleaned in [for_gemini(&schema).schema, for_older_gemini(&schema).schema] {
                let depth = cleaned.matches('{').count();
                assert!(depth < 1000, "{depth} schemas");
            }
        }
    }

    #[test]
    fn what_is_no_schema_is_any_object() {
        for text in ["", "{", "null", "[]", "7"] {
            assert_eq!(for_gemini(text).schema, r#"{"type":"object"}"#, "{text}");
        }
        assert_eq!(for_gemini("true").schema, "{}");
    }
}

/// Any JSON made of the words that schemas are made of.
fn schema_like() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "type",
        "object",
        "array",
        "string",
        "null",
        "properties",
        "required",
        "items",
        "$ref",
        "#",
        "#/$defs/a",
        "$defs",
        "a",
        "anyOf",
        "oneOf",
        "allOf",
        "enum",
        "const",
        "not",
        "additionalProperties",
        "nullable",
        "format",
        "pattern",
        "description",
        "minimum",
        "prefixItems",
        "definitions",
        "#/definitions/a",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((words.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_makes_a_cleaner_panic_or_grow_without_bound(schema in schema_like()) {
        let text = schema.to_string();
        let strict = is_openai_strict(&text);
        for cleaned in [Some(for_gemini(&text).schema), Some(for_older_gemini(&text).schema), for_messages_output(&text)] {
            let Some(cleaned) = cleaned else { continue };
            prop_assert!(serde_json::from_str::<Value>(&cleaned).is_ok());
            prop_assert!(cleaned.len() < 64 * 1024 * 1024);
        }
        prop_assert!(!strict || schema.is_object());
    }

    #[test]
    fn cleaning_twice_changes_nothing_more(schema in schema_like()) {
        let text = schema.to_string();
        if let Some(once) = for_messages_output(&text) {
            prop_assert_eq!(for_messages_output(&once), Some(once.clone()));
        }
    }
}
