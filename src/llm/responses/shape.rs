//! Tools, tool choice and text format as the format writes them, in requests and in what an answer
//! repeats of its request.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Format;
use crate::ir::{Output, Tool, ToolChoice};
use crate::loose::compact;

/// A function without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// A tool.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WireTool<'a> {
    Function {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        parameters: Option<Box<RawValue>>,
        strict: Option<bool>,
    },
    Custom {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<Box<RawValue>>,
    },
    #[serde(untagged)]
    Hosted(Box<RawValue>),
}

/// A tool choice.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum WireChoice<'a> {
    Word(&'static str),
    Named(Named<'a>),
    Allowed {
        #[serde(rename = "type")]
        kind: &'static str,
        mode: &'static str,
        tools: Vec<Named<'a>>,
    },
}

/// A tool by its name.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
}

/// The shape of the answer's text.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WireFormat<'a> {
    Text,
    JsonObject,
    JsonSchema {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        schema: Option<Box<RawValue>>,
        strict: Option<bool>,
    },
}

/// The grammar of a custom tool as chat nests it.
#[derive(serde::Deserialize)]
struct Nested<'a> {
    #[serde(borrow)]
    grammar: Grammar<'a>,
}

#[derive(serde::Deserialize)]
struct Grammar<'a> {
    #[serde(borrow)]
    syntax: &'a RawValue,
    #[serde(borrow)]
    definition: &'a RawValue,
}

/// The tool; none for one that only another format understands. `strict` stands in where the
/// caller did not say.
pub(super) fn tool<'a>(tool: &'a Tool<'_>, strict: Option<bool>) -> Option<WireTool<'a>> {
    Some(match tool {
        Tool::Function {
            name,
            description,
            schema,
            strict: said,
            ..
        } => WireTool::Function {
            name,
            description: description.as_deref(),
            parameters: raw(schema.as_deref().unwrap_or(NO_ARGUMENTS)),
            strict: said.or(strict),
        },
        Tool::Custom {
            name,
            description,
            grammar,
        } => WireTool::Custom {
            name,
            description: description.as_deref(),
            format: grammar.as_deref().and_then(grammar_format),
        },
        Tool::Hosted {
            origin: Format::Responses,
            raw: written,
            ..
        } => WireTool::Hosted(raw(written)?),
        Tool::Hosted { .. } => return None,
    })
}

/// The choice; `tools` tell custom tools from functions.
pub(super) fn choice<'a>(choice: &'a ToolChoice<'_>, tools: &[Tool<'_>]) -> WireChoice<'a> {
    let named = |name: &'a str| Named {
        kind: match tools.iter().any(|tool| is_custom(tool, name)) {
            true => "custom",
            false => "function",
        },
        name,
    };
    match choice {
        ToolChoice::Auto => WireChoice::Word("auto"),
        ToolChoice::None => WireChoice::Word("none"),
        ToolChoice::Any => WireChoice::Word("required"),
        ToolChoice::Named(name) => WireChoice::Named(named(name)),
        ToolChoice::Allowed { names, must } => WireChoice::Allowed {
            kind: "allowed_tools",
            mode: if *must { "required" } else { "auto" },
            tools: names.iter().map(|name| named(name)).collect(),
        },
    }
}

/// The text format, with `strict` for a schema.
pub(super) fn format<'a>(output: &'a Output<'_>, strict: Option<bool>) -> WireFormat<'a> {
    match output {
        Output::Text => WireFormat::Text,
        Output::Json => WireFormat::JsonObject,
        Output::Schema {
            name,
            description,
            schema,
            ..
        } => WireFormat::JsonSchema {
            name,
            description: description.as_deref(),
            schema: raw(schema),
            strict,
        },
    }
}

/// JSON on one line: an event of a stream holds no line ends.
pub(super) fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(compact(json).into_owned()).ok()
}

fn is_custom(tool: &Tool<'_>, wanted: &str) -> bool {
    matches!(tool, Tool::Custom { name, .. } if *name == wanted)
}

/// The format of a custom tool's text, flat.
fn grammar_format(written: &str) -> Option<Box<RawValue>> {
    match serde_json::from_str::<Nested<'_>>(written) {
        Ok(Nested { grammar }) => raw(&format!(
            r#"{{"type":"grammar","syntax":{},"definition":{}}}"#,
            grammar.syntax, grammar.definition
        )),
        Err(_) => raw(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_json_goes_on_one_line_with_its_spelling() {
        let written = "{ \"a b\" : [1.50, \"x \\\" y\"],\r\n\t\"c\\\\\": \" \" }";
        let line = r#"{"a b":[1.50,"x \" y"],"c\\":" "}"#;
        assert_eq!(
            raw(written).map(|raw| raw.get().to_owned()),
            Some(line.to_owned())
        );
        assert!(raw("{").is_none());
    }

    #[test]
    fn a_nested_grammar_is_written_flat() {
        let flat = r#"{"type":"grammar","syntax":"lark","definition":"start: \"a\""}"#;
        let nested =
            r#"{"type":"grammar","grammar":{"syntax":"lark","definition":"start: \"a\""}}"#;
        for written in [flat, nested] {
            let format = grammar_format(written).map(|raw| raw.get().to_owned());
            assert_eq!(format.as_deref(), Some(flat));
        }
    }
}
