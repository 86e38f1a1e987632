//! Reads the tools, and which of them the model must use.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::read::{Members, list, string, strings, wrong};
use super::{hint, schema};
use crate::Format;
use crate::ir::{Request, Text, Tool, ToolChoice};
use crate::loss::Misfit;

pub(super) fn read<'a>(request: &mut Request<'a>, value: &'a RawValue) -> Result<(), Misfit> {
    for (at, tool) in list(value, "tools")?.into_iter().enumerate() {
        let path = format!("tools[{at}]");
        for member in Members::of(tool, &path)? {
            match &*member.name() {
                "functionDeclarations" => functions(request, member.value, &path)?,
                kind => request.tools.push(Tool::Hosted {
                    origin: Format::Gemini,
                    kind: Cow::Owned(kind.to_owned()),
                    raw: Cow::Owned(format!("{{\"{kind}\":{}}}", member.value.get())),
                }),
            }
        }
    }
    Ok(())
}

fn functions<'a>(request: &mut Request<'a>, value: &'a RawValue, path: &str) -> Result<(), Misfit> {
    let path = format!("{path}.functionDeclarations");
    for (at, function) in list(value, &path)?.into_iter().enumerate() {
        let tool = declaration(request, function, &format!("{path}[{at}]"))?;
        request.tools.push(tool);
    }
    Ok(())
}

fn declaration<'a>(
    request: &mut Request<'a>,
    value: &'a RawValue,
    path: &str,
) -> Result<Tool<'a>, Misfit> {
    let (mut name, mut description, mut schema) = (None, None, None);
    for member in Members::of(value, path)? {
        let path = || format!("{path}.{}", member.key);
        match &*member.name() {
            "name" => name = Some(string(member.value, &path())?),
            "description" => description = Some(string(member.value, &path())?),
            "parameters" if schema.is_none() => {
                schema = Some(Cow::Owned(schema::to_json_schema(member.value)));
            }
            "parametersJsonSchema" => schema = Some(Cow::Borrowed(member.value.get())),
            "parameters" => {}
            other => hint(request, format!("tools.functionDeclarations.{other}")),
        }
    }
    let name: Option<Text<'a>> = name.filter(|name: &Text<'_>| !name.is_empty());
    Ok(Tool::Function {
        name: name.ok_or_else(|| wrong(&format!("{path}.name"), "the function's name"))?,
        description,
        schema,
        strict: None,
        cache: None,
    })
}

/// Reads `toolConfig`.
pub(super) fn choose<'a>(request: &mut Request<'a>, value: &'a RawValue) -> Result<(), Misfit> {
    for member in Members::of(value, "toolConfig")? {
        match &*member.name() {
            "functionCallingConfig" => request.tool_choice = calling(request, member.value)?,
            other => hint(request, format!("toolConfig.{other}")),
        }
    }
    Ok(())
}

fn calling<'a>(
    request: &mut Request<'a>,
    value: &'a RawValue,
) -> Result<Option<ToolChoice<'a>>, Misfit> {
    const PATH: &str = "toolConfig.functionCallingConfig";
    let (mut mode, mut names) = (Cow::Borrowed("AUTO"), Vec::new());
    for member in Members::of(value, PATH)? {
        match &*member.name() {
            "mode" => mode = string(member.value, "toolConfig.functionCallingConfig.mode")?,
            "allowedFunctionNames" => {
                names = strings(
                    member.value,
                    "toolConfig.functionCallingConfig.allowedFunctionNames",
                )?;
            }
            other => hint(request, format!("{PATH}.{other}")),
        }
    }
    Ok(match mode.to_ascii_uppercase().as_str() {
        "AUTO" => Some(ToolChoice::Auto),
        "NONE" => Some(ToolChoice::None),
        "ANY" => Some(any(names)),
        "VALIDATED" => {
            hint(request, "toolConfig.functionCallingConfig.mode");
            Some(match names.is_empty() {
                true => ToolChoice::Auto,
                false => ToolChoice::Allowed { names, must: false },
            })
        }
        "MODE_UNSPECIFIED" => None,
        _ => return Err(wrong(PATH, "of mode AUTO, ANY, NONE or VALIDATED")),
    })
}

fn any(mut names: Vec<Text<'_>>) -> ToolChoice<'_> {
    match names.len() {
        0 => ToolChoice::Any,
        1 => ToolChoice::Named(names.remove(0)),
        _ => ToolChoice::Allowed { names, must: true },
    }
}
