//! Writes tools, and the choice among them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::accent::Accent;
use super::raw;
use super::wire::{
    Allowed, Choice, Custom, Declared, Function, Json, Mark, Name, Named, Tool as Out,
};
use crate::Format;
use crate::freetext::stand_in;
use crate::ir::{CacheMark, Feature, Request, Tool, ToolChoice};
use crate::loss::{Losses, Misfit};
use crate::schema::is_openai_strict;

/// The schema of a function without arguments; some servers refuse one without a schema.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// The tools, and the names of the custom ones that became functions.
pub(super) fn tools<'a>(
    request: &'a Request<'_>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Result<(Vec<Out<'a>>, Vec<String>), Misfit> {
    let (mut written, mut custom) = (Vec::new(), Vec::new());
    let chosen = chosen(request, accent);
    for tool in &request.tools {
        if !chosen.is_none_or(|names| name(tool).is_some_and(|name| names.contains(name))) {
            continue;
        }
        written.push(match tool {
            Tool::Function {
                name,
                description,
                schema,
                strict,
                cache,
            } => {
                let schema = schema.as_deref().unwrap_or(NO_ARGUMENTS);
                let cache_control = mark(*cache, accent, losses);
                let strict = is_strict(schema, *strict, losses);
                let parameters = Json::Raw(raw(schema).ok_or_else(|| no_json(losses))?);
                Out::Declared(Declared::Function {
                    function: Function {
                        name,
                        description: description.as_deref(),
                        parameters,
                        strict,
                    },
                    cache_control,
                })
            }
            Tool::Custom {
                name,
                description,
                grammar,
            } if accent.is_gpt_5() => Out::Declared(Declared::Custom {
                custom: Custom {
                    name,
                    description: description.as_deref(),
                    format: grammar.as_deref().and_then(format),
                },
            }),
            Tool::Custom {
                name,
                description,
                grammar,
            } => {
                custom.push(name.clone().into_owned());
                let schema = stand_in(grammar.as_deref(), losses)?;
                let parameters = RawValue::from_string(schema).map_err(|_| no_json(losses))?;
                Out::Declared(Declared::Function {
                    function: Function {
                        name,
                        description: description.as_deref(),
                        parameters: Json::Made(parameters),
                        strict: None,
                    },
                    cache_control: None,
                })
            }
            Tool::Hosted {
                origin: Format::Chat,
                raw: json,
                ..
            } => Out::Raw(raw(json).ok_or_else(|| no_json(losses))?),
            Tool::Hosted { kind, .. } => {
                let reason = format!("the tool `{kind}` runs at the provider it was made for");
                return Err(losses.contract(Feature::Tools, &reason));
            }
        });
    }
    Ok((written, custom))
}

/// Where only some tools are allowed and the server has no words for that, only those are told.
fn chosen<'a, 'b>(request: &'a Request<'b>, accent: &Accent<'_>) -> Option<&'a [Cow<'b, str>]> {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) if !accent.own => Some(names),
        _ => None,
    }
}

fn name<'a, 'b>(tool: &'a Tool<'b>) -> Option<&'a Cow<'b, str>> {
    match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name),
        Tool::Hosted { .. } => None,
    }
}

fn no_json(losses: &Losses) -> Misfit {
    losses.contract(Feature::Tools, "a tool's schema is no JSON")
}

/// Whether the schema is held to; where it does not qualify, it is only told.
fn is_strict(schema: &str, wanted: Option<bool>, losses: &mut Losses) -> Option<bool> {
    if wanted != Some(true) {
        return None;
    }
    let qualifies = is_openai_strict(schema);
    if !qualifies {
        losses.hint(Feature::ToolStrict);
    }
    qualifies.then_some(true)
}

/// The mark, where the server takes marks.
pub(super) fn mark(
    cache: Option<CacheMark>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Option<Mark> {
    let cache = cache?;
    if !accent.cache_marks() {
        losses.hint(Feature::CacheMark);
        return None;
    }
    Some(Mark::new(cache))
}

#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow)]
    syntax: &'a RawValue,
    #[serde(borrow)]
    definition: &'a RawValue,
}

/// Chat nests what Responses writes flat.
fn format(grammar: &str) -> Option<Json<'_>> {
    let Ok(Flat { syntax, definition }) = serde_json::from_str(grammar) else {
        return raw(grammar).map(Json::Raw);
    };
    let nested = format!(
        r#"{{"type":"grammar","grammar":{{"syntax":{syntax},"definition":{definition}}}}}"#
    );
    RawValue::from_string(nested).ok().map(Json::Made)
}

/// `tool_choice`; without tools there is nothing to choose, and OpenAI refuses to.
pub(super) fn choice<'a>(
    request: &'a Request<'_>,
    tools: &[Out<'_>],
    accent: &Accent<'_>,
) -> Option<Choice<'a>> {
    if tools.is_empty() {
        return None;
    }
    let word = |must| if must { "required" } else { "auto" };
    Some(match request.tool_choice.as_ref()? {
        ToolChoice::Auto => Choice::Word("auto"),
        ToolChoice::None => Choice::Word("none"),
        ToolChoice::Any => Choice::Word("required"),
        ToolChoice::Named(name) => Choice::Named(named(name, request, accent)),
        ToolChoice::Allowed { must, .. } if !accent.own => Choice::Word(word(*must)),
        ToolChoice::Allowed { names, must } => Choice::Allowed {
            kind: "allowed_tools",
            allowed_tools: Allowed {
                mode: word(*must),
                tools: names
                    .iter()
                    .map(|name| named(name, request, accent))
                    .collect(),
            },
        },
    })
}

fn named<'a>(name: &'a str, request: &Request<'_>, accent: &Accent<'_>) -> Named<'a> {
    let is_custom = |tool: &Tool<'_>| matches!(tool, Tool::Custom { name: of, .. } if of == name);
    let custom = accent.is_gpt_5() && request.tools.iter().any(is_custom);
    let name = Name { name };
    match custom {
        true => Named::Custom { custom: name },
        false => Named::Function { function: name },
    }
}

/// Several calls at once are the rule; the oldest reasoning models refuse the switch.
pub(super) fn parallel(
    request: &Request<'_>,
    tools: &[Out<'_>],
    accent: &Accent<'_>,
    losses: &mut Losses,
) -> Option<bool> {
    if request.parallel_tools != Some(false) || tools.is_empty() {
        return None;
    }
    if accent.own && accent.family == "o" {
        losses.hint(Feature::ParallelTools);
        return None;
    }
    Some(false)
}
