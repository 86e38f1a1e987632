//! Tools, and which of them are to be used.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read::{self, Written, misfit};
use super::spaced;
use crate::Format;
use crate::ir::{Text, Tool, ToolChoice};
use crate::loose::{self, Raw, loose};
use crate::loss::Misfit;

loose! {
    struct Wire<'a> {
        "type" => kind: loose::Text<'a>,
        "name" => name: Raw<'a>,
        "description" => description: Raw<'a>,
        "parameters" => parameters: Raw<'a>,
        "strict" => strict: Raw<'a>,
        "format" => format: Raw<'a>,
        "function" => function: Raw<'a>,
        "tools" => tools: Raw<'a>,
    }

    struct Kind<'a> {
        "type" => kind: loose::Text<'a>,
    }

    struct Choice<'a> {
        "type" => kind: loose::Text<'a>,
        "name" => name: Raw<'a>,
        "namespace" => namespace: loose::Text<'a>,
        "mode" => mode: loose::Text<'a>,
        "tools" => tools: Raw<'a>,
    }
}

/// The tools of a list.
pub(super) fn tools<'a>(value: Written<'a>) -> Result<Vec<Tool<'a>>, Misfit> {
    let mut tools = Vec::new();
    list("tools", "", value, &mut tools)?;
    Ok(tools)
}

/// The tools of a list, `space` put before their names.
fn list<'a>(
    path: &str,
    space: &str,
    value: Written<'a>,
    tools: &mut Vec<Tool<'a>>,
) -> Result<(), Misfit> {
    for (index, raw) in read::array(path, value)?.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let wire: Wire<'a> = read::object(&path, Some(raw))?.unwrap_or_default();
        match &*wire.kind.0 {
            "function" => tools.push(function(&path, space, wire)?),
            "custom" => tools.push(custom(&path, space, wire)?),
            // Its tools are called by two names; spaces in spaces do not exist.
            "namespace" if space.is_empty() => {
                let name = name(&path, wire.name.0)?;
                list(&format!("{path}.tools"), &name, wire.tools.0, tools)?;
            }
            "" => return Err(misfit(&path, "needs a `type`")),
            _ => tools.push(Tool::Hosted {
                origin: Format::Responses,
                kind: wire.kind.0,
                raw: Cow::Borrowed(raw.get()),
            }),
        }
    }
    Ok(())
}

fn name<'a>(path: &str, value: Written<'a>) -> Result<Text<'a>, Misfit> {
    let path = format!("{path}.name");
    read::word(&path, value)?.ok_or_else(|| misfit(&path, "names no tool"))
}

/// A function, also nested as chat has it.
fn function<'a>(path: &str, space: &str, wire: Wire<'a>) -> Result<Tool<'a>, Misfit> {
    let wire = match wire.name.0 {
        Some(_) => wire,
        None => read::object(&format!("{path}.function"), wire.function.0)?.unwrap_or(wire),
    };
    Ok(Tool::Function {
        name: spaced(space, name(path, wire.name.0)?),
        description: read::word(&format!("{path}.description"), wire.description.0)?,
        schema: read::raw_object(&format!("{path}.parameters"), wire.parameters.0)?,
        strict: read::flag(&format!("{path}.strict"), wire.strict.0)?,
        cache: None,
    })
}

fn custom<'a>(path: &str, space: &str, wire: Wire<'a>) -> Result<Tool<'a>, Misfit> {
    let format = format!("{path}.format");
    let kind: Option<Kind<'a>> = read::object(&format, wire.format.0)?;
    let free = kind.is_none_or(|kind| kind.kind.0 == "text");
    Ok(Tool::Custom {
        name: spaced(space, name(path, wire.name.0)?),
        description: read::word(&format!("{path}.description"), wire.description.0)?,
        grammar: match free {
            true => None,
            false => wire.format.0.map(|raw| Cow::Borrowed(raw.get())),
        },
    })
}

/// The choice; `Err(None)`: one of a tool that the provider runs itself.
pub(super) fn choice<'a>(
    value: Written<'a>,
) -> Result<Result<Option<ToolChoice<'a>>, Hosted>, Misfit> {
    const PATH: &str = "tool_choice";
    let Some(json) = value.map(RawValue::get) else {
        return Ok(Ok(None));
    };
    if json.starts_with('"') {
        return match &*read::text(PATH, value)?.unwrap_or_default() {
            "auto" => Ok(Ok(Some(ToolChoice::Auto))),
            "none" => Ok(Ok(Some(ToolChoice::None))),
            "required" => Ok(Ok(Some(ToolChoice::Any))),
            _ => Err(misfit(PATH, "must be auto, none, required or an object")),
        };
    }
    let choice: Choice<'a> = read::object(PATH, value)?.unwrap_or_default();
    match &*choice.kind.0 {
        "function" | "custom" => {
            let name = spaced(&choice.namespace.0, name(PATH, choice.name.0)?);
            Ok(Ok(Some(ToolChoice::Named(name))))
        }
        "allowed_tools" => allowed(&choice),
        _ => Ok(Err(Hosted)),
    }
}

/// A choice of tools that the provider runs itself.
pub(super) struct Hosted;

fn allowed<'a>(choice: &Choice<'a>) -> Result<Result<Option<ToolChoice<'a>>, Hosted>, Misfit> {
    const PATH: &str = "tool_choice.tools";
    let mut names = Vec::new();
    for (index, raw) in read::array(PATH, choice.tools.0)?.into_iter().enumerate() {
        let path = format!("{PATH}[{index}]");
        let tool: Choice<'a> = read::object(&path, Some(raw))?.unwrap_or_default();
        if !matches!(&*tool.kind.0, "function" | "custom") {
            return Ok(Err(Hosted));
        }
        names.push(spaced(&tool.namespace.0, name(&path, tool.name.0)?));
    }
    if names.is_empty() {
        return Err(misfit("tool_choice.tools", "must name tools"));
    }
    let must = choice.mode.0 == "required";
    Ok(Ok(Some(ToolChoice::Allowed { names, must })))
}
