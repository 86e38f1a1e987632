//! Schemas as Gemini takes them.

use serde_json::{Value, json};

use super::all_of::join_all_of;
use super::older::one_type;
use super::refs::resolve;
use super::rules::Rules;
use super::{Keywords, is_of, known_names, or_null};

/// References that are written out inside one another; below, any object will do.
const MAX_INLINED: usize = 32;

/// Schemas inside schemas, written-out ones included; below, any object will do.
const MAX_DEPTH: usize = 192;

/// Bytes that written-out references may add, about; beyond, any object will do.
const MAX_COPIED_BYTES: usize = 1024 * 1024;

/// What a schema costs beside its texts.
const SCHEMA_BYTES: usize = 32;

const DEFINITIONS: &str = "#/$defs/";

const TEXT_FORMATS: [&str; 4] = ["enum", "date-time", "date", "time"];
const NUMBER_FORMATS: [&str; 4] = ["int32", "int64", "float", "double"];

/// Keywords that hold an answer to something, and that Gemini has nothing for. Others are words
/// about the schema.
const HOLDING: [&str; 15] = [
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
    "additionalItems",
    "contains",
    "minContains",
    "maxContains",
    "not",
    "if",
    "then",
    "else",
];

/// A schema that Gemini takes.
pub(crate) struct ForGemini {
    pub(crate) schema: String,
    /// The keywords that it holds nobody to any more, each once.
    pub(crate) lost: Vec<&'static str>,
}

/// `schema` as Gemini's JSON-schema fields take it (2.5 and later): `oneOf` as `anyOf`, `allOf`
/// joined, limits it does not know told in the description.
pub(crate) fn for_gemini(schema: &str) -> ForGemini {
    written(schema, Dialect::JsonSchema)
}

/// `schema` in the older subset of OpenAPI: references written out, one type each, `nullable`.
pub(crate) fn for_older_gemini(schema: &str) -> ForGemini {
    written(schema, Dialect::OpenApi)
}

fn written(schema: &str, dialect: Dialect) -> ForGemini {
    let mut root = serde_json::from_str(schema).unwrap_or(Value::Null);
    join_all_of(&mut root);
    let mut cleaner = Cleaner {
        root: &root,
        dialect,
        inlined: 0,
        depth: 0,
        copied: 0,
        lost: Vec::new(),
    };
    ForGemini {
        schema: cleaner.clean(&root).to_string(),
        lost: cleaner.lost,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    JsonSchema,
    OpenApi,
}

struct Cleaner<'a> {
    root: &'a Value,
    dialect: Dialect,
    /// References that are being written out.
    inlined: usize,
    depth: usize,
    /// Bytes that were written for references.
    copied: usize,
    lost: Vec<&'static str>,
}

impl Cleaner<'_> {
    fn clean(&mut self, schema: &Value) -> Value {
        let schema = match schema {
            Value::Object(schema) => schema,
            // `true`: anything at all.
            Value::Bool(_) if self.dialect == Dialect::JsonSchema => return json!({}),
            _ => return any_object(),
        };
        if self.inlined > 0 {
            self.copied += SCHEMA_BYTES + schema.values().map(weight).sum::<usize>();
        }
        if self.copied > MAX_COPIED_BYTES || self.depth >= MAX_DEPTH {
            self.lose("properties");
            return any_object();
        }
        self.depth += 1;
        let cleaned = match schema.get("$ref") {
            Some(Value::String(reference)) => self.reference(reference, schema),
            _ => self.keywords(schema),
        };
        self.depth -= 1;
        cleaned
    }

    fn keywords(&mut self, schema: &Keywords) -> Value {
        let mut cleaned = Keywords::new();
        let mut rules = Rules::default();
        for (key, value) in schema {
            if let Some((key, value)) = self.keyword(key, value, schema, &mut rules) {
                cleaned.entry(key).or_insert(value);
            }
        }
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            or_null(&mut cleaned);
        }
        rules.tell(&mut cleaned);
        if is_of(&cleaned, "array") && !cleaned.contains_key("items") {
            cleaned.insert("items".to_owned(), self.anything());
        }
        match self.dialect {
            Dialect::JsonSchema => Value::Object(cleaned),
            Dialect::OpenApi => one_type(cleaned),
        }
    }

    /// A reference stands alone, what was said beside it around it; or it is written out.
    fn reference(&mut self, reference: &str, beside: &Keywords) -> Value {
        let reference = reference.replacen("#/definitions/", DEFINITIONS, 1);
        let words = ["title", "description"];
        let mut around: Keywords = beside
            .iter()
            .filter(|(key, _)| words.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if self.dialect == Dialect::JsonSchema && reference.starts_with(DEFINITIONS) {
            let alone = json!({ "$ref": reference });
            return match around.is_empty() {
                true => alone,
                false => {
                    around.insert("anyOf".to_owned(), Value::Array(vec![alone]));
                    Value::Object(around)
                }
            };
        }
        let mut inlined = self.inline(&reference);
        if let Value::Object(schema) = &mut inlined {
            schema.extend(around);
        }
        inlined
    }

    fn inline(&mut self, reference: &str) -> Value {
        let root = self.root;
        let found = resolve(root, reference)
            .or_else(|| resolve(root, &reference.replacen(DEFINITIONS, "#/definitions/", 1)));
        let Some(schema) = found.filter(|_| self.inlined < MAX_INLINED) else {
            self.lose("$ref");
            return any_object();
        };
        self.inlined += 1;
        let mut schema = self.clean(schema);
        self.inlined -= 1;
        if let Value::Object(schema) = &mut schema {
            schema.shift_remove("$defs");
        }
        schema
    }

    /// A keyword as Gemini has it; `None` where it goes.
    fn keyword(
        &mut self,
        key: &str,
        value: &Value,
        schema: &Keywords,
        rules: &mut Rules,
    ) -> Option<(String, Value)> {
        let json_schema = self.dialect == Dialect::JsonSchema;
        let kept = match key {
            "type" | "title" | "description" | "minItems" | "maxItems" | "minimum" | "maximum"
            | "propertyOrdering" => value.clone(),
            "properties" => self.each(value)?,
            "$defs" | "definitions" if json_schema => {
                return Some(("$defs".to_owned(), self.each(value)?));
            }
            "items" if value.is_array() => return self.tuple(value),
            "items" => self.clean(value),
            "prefixItems" => return self.tuple(value),
            "anyOf" | "oneOf" => return Some(("anyOf".to_owned(), self.each(value)?)),
            "additionalProperties" if json_schema && value.is_boolean() => value.clone(),
            "additionalProperties" if json_schema => self.clean(value),
            "required" => match known_names(value, schema.get("properties")) {
                Value::Array(names) if names.is_empty() => return None,
                names => names,
            },
            "enum" => return self.options(value.as_array()?, rules),
            "const" => return self.options(std::slice::from_ref(value), rules),
            "format" if self.knows_format(value) => value.clone(),
            "format" | "pattern" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf"
            | "minLength" | "maxLength" | "uniqueItems" | "minProperties" | "maxProperties" => {
                rules.add(key, value);
                return None;
            }
            "additionalProperties" if value.is_object() => {
                self.lose("additionalProperties");
                return None;
            }
            _ => {
                if let Some(known) = HOLDING.iter().find(|known| **known == key) {
                    self.lose(known);
                }
                return None;
            }
        };
        Some((key.to_owned(), kept))
    }

    fn lose(&mut self, keyword: &'static str) {
        if !self.lost.contains(&keyword) {
            self.lost.push(keyword);
        }
    }

    fn tuple(&mut self, items: &Value) -> Option<(String, Value)> {
        match self.dialect {
            Dialect::JsonSchema => Some(("prefixItems".to_owned(), self.each(items)?)),
            Dialect::OpenApi => {
                self.lose("prefixItems");
                None
            }
        }
    }

    /// The values allowed, where Gemini can say so: texts, and numbers in JSON schemas.
    fn options(&self, values: &[Value], rules: &mut Rules) -> Option<(String, Value)> {
        let json_schema = self.dialect == Dialect::JsonSchema;
        let sayable = |value: &Value| value.is_string() || (json_schema && value.is_number());
        let said: Vec<Value> = values
            .iter()
            .filter(|value| !value.is_null())
            .cloned()
            .collect();
        if said.is_empty() || !said.iter().all(sayable) {
            rules.add("one of", &Value::Array(values.to_vec()));
            return None;
        }
        Some(("enum".to_owned(), Value::Array(said)))
    }

    fn knows_format(&self, format: &Value) -> bool {
        let known = match self.dialect {
            Dialect::JsonSchema => &TEXT_FORMATS[..],
            Dialect::OpenApi => &TEXT_FORMATS[..2],
        };
        known
            .iter()
            .chain(&NUMBER_FORMATS)
            .any(|known| format == known)
    }

    /// Every schema of a map or a list.
    fn each(&mut self, schemas: &Value) -> Option<Value> {
        match schemas {
            Value::Object(named) => {
                let cleaned = named
                    .iter()
                    .map(|(name, one)| (name.clone(), self.clean(one)));
                Some(Value::Object(cleaned.collect()))
            }
            Value::Array(several) => Some(Value::Array(
                several.iter().map(|one| self.clean(one)).collect(),
            )),
            _ => None,
        }
    }

    fn anything(&self) -> Value {
        match self.dialect {
            Dialect::JsonSchema => json!({}),
            Dialect::OpenApi => json!({ "type": "string" }),
        }
    }
}

fn any_object() -> Value {
    json!({ "type": "object" })
}

/// Bytes of the texts that a keyword copies.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        _ => 8,
    }
}
