//! Reads the tools and which of them must be used.

use super::read::{Place, each, flag, object, optional, raw, string};
use super::{hint, mark, schema};
use crate::Format;
use crate::ir::{Request, Tool, ToolChoice};
use crate::loss::Misfit;

/// Members of a tool that steer how Anthropic reads or streams it.
const STEERING: [&str; 4] = [
    "defer_loading",
    "eager_input_streaming",
    "input_examples",
    "allowed_callers",
];

/// The names under which [`STEERING`] members are told as dropped.
const STEERING_PATHS: [&str; 4] = [
    "tools.defer_loading",
    "tools.eager_input_streaming",
    "tools.input_examples",
    "tools.allowed_callers",
];

/// Reads `tools`.
pub(super) fn read<'a>(request: &mut Request<'a>, value: &'a [u8]) -> Result<(), Misfit> {
    each(value, &Place::top("tools"), |value, place| {
        let [kind] = object(value, place, ["type"])?;
        let tool = match optional(kind, &place.member("type"))? {
            Some(kind) if kind != "custom" => Tool::Hosted {
                origin: Format::Messages,
                kind,
                raw: raw(value),
            },
            _ => function(request, value, place)?,
        };
        request.tools.push(tool);
        Ok(())
    })
}

fn function<'a>(
    request: &mut Request<'a>,
    value: &'a [u8],
    place: &Place<'_>,
) -> Result<Tool<'a>, Misfit> {
    let names = [
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
    ];
    let [name, description, input, strict, cache] = object(value, place, names)?;
    for (path, steering) in STEERING_PATHS.iter().zip(object(value, place, STEERING)?) {
        if steering.is_some_and(|value| value != b"false") {
            hint(request, path);
        }
    }
    let name_place = place.member("name");
    let strict = strict.map(|value| flag(Some(value), &place.member("strict")));
    Ok(Tool::Function {
        name: string(name_place.required(name)?, &name_place)?,
        description: optional(description, &place.member("description"))?,
        schema: schema(input, &place.member("input_schema"))?,
        strict: strict.transpose()?,
        cache: mark(cache),
    })
}

/// Reads `tool_choice`, which also says whether calls may be made together.
pub(super) fn choice<'a>(request: &mut Request<'a>, value: &'a [u8]) -> Result<(), Misfit> {
    let place = Place::top("tool_choice");
    let names = ["type", "name", "disable_parallel_tool_use"];
    let [kind, name, alone] = object(value, &place, names)?;
    let kind_place = place.member("type");
    request.tool_choice = Some(match &*string(kind_place.required(kind)?, &kind_place)? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "none" => ToolChoice::None,
        "tool" => {
            let place = place.member("name");
            ToolChoice::Named(string(place.required(name)?, &place)?)
        }
        _ => return Err(kind_place.wrong("must be one of auto, any, tool, none")),
    });
    if flag(alone, &place.member("disable_parallel_tool_use"))? {
        request.parallel_tools = Some(false);
    }
    Ok(())
}
