//! Decides how the model is held to the shape of its answer.

use serde_json::value::RawValue;

use super::body::Format;
use crate::fields::members;
use crate::ir::{Feature, Output, Request, Role, ToolChoice};
use crate::loss::{Losses, Misfit};
use crate::schema::for_messages_output;
use crate::traits::Claude;

/// The tool that is forced where the model knows no schemas; its arguments are the answer.
pub(super) const JSON_TOOL: &str = "json_output";

/// What is said of that tool when the caller says nothing.
pub(super) const JSON_TOOL_DESCRIPTION: &str =
    "Gives the answer: its arguments are what the user gets.";

/// How the answer's shape is asked for.
pub(super) enum Shape<'a> {
    Text,
    /// In words: any object.
    Json,
    /// In words, as the caller's own tools stand in the way of a forced one.
    Told {
        schema: &'a str,
    },
    Native {
        schema: Box<RawValue>,
    },
    Tool {
        schema: &'a str,
        description: &'a str,
    },
}

/// The way to the shape that the caller wants. A schema that the model cannot be held to at all is
/// refused.
pub(super) fn shape<'a>(
    request: &'a Request<'_>,
    claude: &Claude,
    losses: &mut Losses,
) -> Result<Shape<'a>, Misfit> {
    let (schema, description) = match &request.output {
        Output::Text => return Ok(Shape::Text),
        Output::Json => return Ok(Shape::Json),
        Output::Schema {
            schema,
            description,
            ..
        } => (&**schema, description.as_deref()),
    };
    if request
        .turns
        .last()
        .is_some_and(|last| last.role == Role::Assistant)
    {
        let reason = "an answer that was begun cannot be held to a schema";
        return Err(losses.contract(Feature::OutputSchema, reason));
    }
    if let Some(schema) = native(schema, claude) {
        if description.is_some() {
            losses.hint_inside(Feature::OutputSchema, "description");
        }
        return Ok(Shape::Native { schema });
    }
    if !is_of_object(schema) {
        let reason = "the model needs an object at the root of the schema";
        return Err(losses.contract(Feature::OutputSchema, reason));
    }
    match request.tool_choice {
        _ if request.tools.is_empty() => {}
        Some(ToolChoice::None) => {}
        None | Some(ToolChoice::Auto | ToolChoice::Allowed { must: false, .. }) => {
            losses.bend(
                Feature::OutputSchema,
                "the model is only told of the schema beside tools",
            )?;
            return Ok(Shape::Told { schema });
        }
        Some(_) => {
            let reason = "the model cannot be held to a schema and to a tool at once";
            return Err(losses.contract(Feature::OutputSchema, reason));
        }
    }
    Ok(Shape::Tool {
        schema,
        description: description.unwrap_or(JSON_TOOL_DESCRIPTION),
    })
}

fn native(schema: &str, claude: &Claude) -> Option<Box<RawValue>> {
    let cleaned = for_messages_output(schema).filter(|_| claude.structured_output)?;
    RawValue::from_string(cleaned).ok()
}

/// Whether the schema says no other type than an object.
fn is_of_object(schema: &str) -> bool {
    let mut of_object = true;
    members(schema.trim().as_bytes(), |name, _, value| {
        if name == "type" {
            of_object = value == b"\"object\"";
        }
    });
    of_object
}

impl Shape<'_> {
    /// What the model is told in words.
    pub(super) fn instruction(&self) -> Option<String> {
        let json =
            "Answer with one JSON object and nothing else: no words around it, no code fence.";
        match self {
            Shape::Json => Some(json.to_owned()),
            Shape::Told { schema } => Some(format!(
                "When you give your answer, give one JSON value that fits the following JSON schema \
                 and nothing else: no words around it, no code fence.\n{schema}"
            )),
            Shape::Text | Shape::Native { .. } | Shape::Tool { .. } => None,
        }
    }

    /// The member that holds the model to a schema.
    pub(super) fn format(&self) -> Option<Format> {
        match self {
            Shape::Native { schema } => Some(Format {
                kind: "json_schema",
                schema: schema.clone(),
            }),
            _ => None,
        }
    }
}
