//! Writes the tools, and which of them the model must use.

use std::borrow::Cow;

use serde::Serialize;

use super::super::wire::Json;
use crate::Format;
use crate::freetext::stand_in;
use crate::ir::{self, Feature, Request, ToolChoice};
use crate::loss::{Losses, Misfit};
use crate::schema::{self, ForGemini};
use crate::traits::Gemini;

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
    description: Option<&'a str>,
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
                functions.push(function(
                    name,
                    description.as_deref(),
                    schema,
                    model,
                    losses,
                ));
            }
            ir::Tool::Custom {
                name,
                description,
                grammar,
            } => {
                let schema = stand_in(grammar.as_deref(), losses)?;
                custom.push(name.to_string());
                let schema = Some(&*schema);
                functions.push(function(
                    name,
                    description.as_deref(),
                    schema,
                    model,
                    losses,
                ));
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

fn function<'a>(
    name: &'a str,
    description: Option<&'a str>,
    schema: Option<&str>,
    model: Gemini,
    losses: &mut Losses,
) -> Function<'a> {
    let schema = schema.and_then(|schema| {
        let ForGemini { schema, lost } = match model.json_schema {
            true => schema::for_gemini(schema),
            false => schema::for_older_gemini(schema),
        };
        for keyword in lost {
            losses.hint_inside(Feature::ToolSchema, keyword);
        }
        Json::new(schema)
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
