//! Writes the tools and which of them must be used.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::body::{self, Mark};
use super::output::{JSON_TOOL, Shape};
use crate::Format;
use crate::fields::members;
use crate::freetext::stand_in;
use crate::ir::{Feature, Request, Tool, ToolChoice};
use crate::loss::{Losses, Misfit};
use crate::schema::for_messages_output;
use crate::traits::Claude;

/// Of a tool without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// The tools, and the names of those that take free text.
pub(super) fn tools<'a>(
    request: &'a Request<'_>,
    shape: &Shape<'a>,
    claude: &Claude,
    losses: &mut Losses,
) -> Result<(Vec<body::Tool<'a>>, Vec<String>), Misfit> {
    let (mut tools, mut custom) = (Vec::new(), Vec::new());
    for tool in request
        .tools
        .iter()
        .filter(|tool| is_allowed(request, tool))
    {
        tools.push(match tool {
            Tool::Function {
                name,
                description,
                schema,
                strict,
                cache,
            } => {
                let strict = *strict == Some(true);
                let (input_schema, strict) = input(schema.as_deref(), strict, claude, losses)?;
                body::Tool::Function {
                    name,
                    description: description.as_deref().map(Cow::Borrowed),
                    input_schema,
                    strict,
                    cache_control: cache.map(Mark::from),
                }
            }
            Tool::Custom {
                name,
                description,
                grammar,
            } => {
                custom.push(name.to_string());
                free_text(name, description.as_deref(), grammar.as_deref(), losses)?
            }
            Tool::Hosted {
                origin: Format::Messages,
                raw,
                ..
            } => body::Tool::Raw(serde_json::from_str(raw).map_err(|_| unreadable(losses))?),
            Tool::Hosted { kind, .. } => {
                let reason = format!("the provider of the model does not run the tool '{kind}'");
                return Err(losses.contract(Feature::Tools, &reason));
            }
        });
    }
    if let Shape::Tool {
        schema,
        description,
    } = shape
    {
        tools.push(body::Tool::Function {
            name: JSON_TOOL,
            description: Some(Cow::Borrowed(description)),
            input_schema: object_schema(schema, losses)?,
            strict: false,
            cache_control: None,
        });
    }
    Ok((tools, custom))
}

/// A choice among some of the tools is told by leaving the others out.
fn is_allowed(request: &Request<'_>, tool: &Tool<'_>) -> bool {
    match (&request.tool_choice, tool) {
        (
            Some(ToolChoice::Allowed { names, .. }),
            Tool::Function { name, .. } | Tool::Custom { name, .. },
        ) => names.contains(name),
        _ => true,
    }
}

/// The schema of a function's arguments, and whether the model is held to it.
fn input(
    schema: Option<&str>,
    strict: bool,
    claude: &Claude,
    losses: &mut Losses,
) -> Result<(Box<RawValue>, bool), Misfit> {
    let schema = schema.unwrap_or(NO_ARGUMENTS);
    if !strict {
        return Ok((object_schema(schema, losses)?, false));
    }
    match for_messages_output(schema).filter(|_| claude.structured_output) {
        Some(cleaned) => Ok((object_schema(&cleaned, losses)?, true)),
        None => {
            losses.hint(Feature::ToolStrict);
            Ok((object_schema(schema, losses)?, false))
        }
    }
}

/// The schema with a type at its root, which Anthropic insists on.
fn object_schema(schema: &str, losses: &Losses) -> Result<Box<RawValue>, Misfit> {
    let schema = schema.trim();
    let (mut typed, mut empty) = (false, true);
    members(schema.as_bytes(), |name, _, _| {
        typed |= name == "type";
        empty = false;
    });
    let schema = match (typed, schema.strip_prefix('{')) {
        (true, _) => schema.to_owned(),
        (false, Some(_)) if empty => NO_ARGUMENTS.to_owned(),
        (false, Some(rest)) => format!(r#"{{"type":"object",{rest}"#),
        (false, None) => return Err(unreadable(losses)),
    };
    RawValue::from_string(schema).map_err(|_| unreadable(losses))
}

/// A tool of free text takes one string.
fn free_text<'a>(
    name: &'a str,
    description: Option<&'a str>,
    grammar: Option<&str>,
    losses: &mut Losses,
) -> Result<body::Tool<'a>, Misfit> {
    let schema = stand_in(grammar, losses)?;
    Ok(body::Tool::Function {
        name,
        description: description.map(Cow::Borrowed),
        input_schema: object_schema(&schema, losses)?,
        strict: false,
        cache_control: None,
    })
}

fn unreadable(losses: &Losses) -> Misfit {
    losses.contract(Feature::Tools, "a tool needs a JSON object as its schema")
}

/// Which tools must be used; nothing where there are none to choose from.
pub(super) fn choice<'a>(
    request: &'a Request<'_>,
    shape: &Shape<'_>,
    any_tools: bool,
) -> Option<body::ToolChoice<'a>> {
    let told = |kind, name, alone| body::ToolChoice {
        kind,
        name,
        disable_parallel_tool_use: alone,
    };
    if let Shape::Tool { .. } = shape {
        return Some(told("tool", Some(JSON_TOOL), true));
    }
    if !any_tools {
        return None;
    }
    let alone = request.parallel_tools == Some(false);
    match request.tool_choice.as_ref() {
        None if !alone => None,
        None | Some(ToolChoice::Auto) => Some(told("auto", None, alone)),
        Some(ToolChoice::None) => Some(told("none", None, false)),
        Some(ToolChoice::Any) => Some(told("any", None, alone)),
        Some(ToolChoice::Named(name)) => Some(told("tool", Some(name), alone)),
        Some(ToolChoice::Allowed { names, must: true }) => Some(match names.as_slice() {
            [name] => told("tool", Some(name), alone),
            _ => told("any", None, alone),
        }),
        Some(ToolChoice::Allowed { must: false, .. }) => Some(told("auto", None, alone)),
    }
}
