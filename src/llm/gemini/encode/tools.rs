//! Writes the tools, and which of them the model must use.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::super::wire::Json;
use crate::Format;
use crate::ir::{self, Feature, Request, ToolChoice};
use crate::loss::{Losses, Misfit};
use crate::schema;
use crate::traits::Gemini;

/// The schema of a tool that takes text.
const ONE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Tool<'a> {
    #[serde(rename_all = "camelCase")]
    Functions {
        function_declarations: Vec<Function<'a>>,
    },
    Own(Json<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Json<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<&'a str>,
}

/// The tools, and the names of those that take text and were declared with one string.
pub(super) fn declare<'a>(
    request: &'a Request<'_>,
    model: Gemini,
    losses: &mut Losses,
) -> Result<(Vec<Tool<'a>>, Vec<String>), Misfit> {
    let (mut functions, mut own, mut custom) = (Vec::new(), Vec::new(), Vec::new());
    for tool in &request.tools {
        match tool {
            ir::Tool::Function {
                name,
                description,
                schema,
                strict,
                cache,
            } => {
                if *strict == Some(true) {
                    losses.hint(Feature::ToolStrict);
                }
                if cache.is_some() {
                    losses.hint(Feature::CacheMark);
                }
                let schema = schema.as_deref().filter(|schema| *schema != "null");
                let description = description.as_deref().map(Cow::Borrowed);
                functions.push(function(name, description, schema, model));
            }
            ir::Tool::Custom {
                name,
                description,
                grammar,
            } => {
                let grammar = grammar.as_deref().filter(|grammar| !is_free(grammar));
                let description = told(description.as_deref(), grammar, losses)?;
                custom.push(name.to_string());
                functions.push(function(name, description, Some(ONE_TEXT), model));
            }
            ir::Tool::Hosted { origin, kind, raw } => own.push(hosted(*origin, kind, raw, losses)?),
        }
    }
    if !functions.is_empty() {
        own.insert(
            0,
            Tool::Functions {
                function_declarations: functions,
            },
        );
    }
    Ok((own, custom))
}

/// What the model is told of a tool that takes text. It cannot be held to a grammar: it is told of it,
/// and the caller of the loss.
fn told<'a>(
    description: Option<&'a str>,
    grammar: Option<&str>,
    losses: &mut Losses,
) -> Result<Option<Cow<'a, str>>, Misfit> {
    const FORMAT: &str = "tools.format";
    let Some(grammar) = grammar else {
        return Ok(description.map(Cow::Borrowed));
    };
    if losses.is_strict() {
        return Err(losses.contract_at(FORMAT, "the model cannot be held to a grammar"));
    }
    losses.hint_at(FORMAT);
    let description = description.unwrap_or_default();
    let told = format!("{description}\n\nThe text in `input` has to follow this format: {grammar}");
    Ok(Some(Cow::Owned(told)))
}

fn function<'a>(
    name: &'a str,
    description: Option<Cow<'a, str>>,
    schema: Option<&str>,
    model: Gemini,
) -> Function<'a> {
    let schema = schema.and_then(|schema| {
        Json::new(match model.json_schema {
            true => schema::for_gemini(schema),
            false => schema::for_older_gemini(schema),
        })
    });
    let (parameters_json_schema, parameters) = match model.json_schema {
        true => (schema, None),
        false => (None, schema),
    };
    Function {
        name,
        description,
        parameters_json_schema,
        parameters,
    }
}

/// Whether a custom tool's format is any text.
fn is_free(grammar: &str) -> bool {
    let grammar: Value = serde_json::from_str(grammar).unwrap_or_default();
    grammar["type"] == "text" || grammar.is_null()
}

fn hosted<'a>(
    origin: Format,
    kind: &str,
    raw: &'a str,
    losses: &Losses,
) -> Result<Tool<'a>, Misfit> {
    let own = (origin == Format::Gemini).then(|| Json::new(raw)).flatten();
    own.map(Tool::Own).ok_or_else(|| {
        let reason = format!("nobody but its own provider runs `{kind}`");
        losses.contract(Feature::Tools, &reason)
    })
}

/// The choice among `tools`.
pub(super) fn choose<'a>(
    request: &'a Request<'_>,
    tools: &[Tool<'_>],
    losses: &mut Losses,
) -> Result<Option<Config<'a>>, Misfit> {
    let functions = tools
        .iter()
        .any(|tool| matches!(tool, Tool::Functions { .. }));
    let Some(choice) = request.tool_choice.as_ref().filter(|_| functions) else {
        return match request.tool_choice {
            Some(ToolChoice::Any | ToolChoice::Named(_)) => Err(losses.contract(
                Feature::ToolChoice,
                "there is no function that could be called",
            )),
            _ => Ok(None),
        };
    };
    // Names beside AUTO are refused; VALIDATED is its like that takes them.
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", Vec::new()),
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Any => ("ANY", Vec::new()),
        ToolChoice::Named(name) => ("ANY", vec![&**name]),
        ToolChoice::Allowed { names, must } => {
            let names = names.iter().map(Cow::as_ref).collect();
            (if *must { "ANY" } else { "VALIDATED" }, names)
        }
    };
    Ok(Some(Config {
        function_calling_config: Calling {
            mode,
            allowed_function_names: names,
        },
    }))
}
