//! Reads tools, the choice among them, and calls in the history.

use super::part::cache_mark;
use crate::Format;
use crate::chat::read::Value;
use crate::ir::{Origin, Part, Signature, Text, Tool, ToolCall, ToolChoice, ToolKind};
use crate::loss::Misfit;
use crate::normal::mint_id;

/// The declared tools, the older `functions` behind them.
pub(super) fn tools<'a>(
    tools: Option<Value<'a>>,
    functions: Option<Value<'a>>,
) -> Result<Vec<Tool<'a>>, Misfit> {
    let mut all = Vec::new();
    if let Some(tools) = tools {
        let tools = tools.list(|| "tools".to_owned())?;
        for (place, declared) in tools.into_iter().enumerate() {
            all.push(tool(declared, || format!("tools[{place}]"))?);
        }
    }
    if let Some(functions) = functions {
        let functions = functions.list(|| "functions".to_owned())?;
        for (place, declared) in functions.into_iter().enumerate() {
            all.push(function(declared, declared, || {
                format!("functions[{place}]")
            })?);
        }
    }
    Ok(all)
}

fn tool<'a>(tool: Value<'a>, path: impl Fn() -> String) -> Result<Tool<'a>, Misfit> {
    let [kind, nested, custom, name] = tool.pick(["type", "function", "custom", "name"]);
    let kind = kind.and_then(Value::text);
    match kind.as_deref() {
        Some("function") | None => match nested {
            Some(declared) => function(declared, tool, || format!("{}.function", path())),
            // Flat, as in Responses.
            None if name.is_some() => function(tool, tool, path),
            None => Err(Misfit::malformed(
                format!("{}.function", path()),
                "is missing",
            )),
        },
        Some("custom") => self::custom(custom.unwrap_or(tool), path),
        Some(hosted) => Ok(Tool::Hosted {
            origin: Format::Chat,
            kind: hosted.to_owned().into(),
            raw: tool.raw(),
        }),
    }
}

/// `around`: the entry, on which a cache mark may stand.
fn function<'a>(
    declared: Value<'a>,
    around: Value<'a>,
    path: impl Fn() -> String,
) -> Result<Tool<'a>, Misfit> {
    let [name, description, parameters, strict, cache] = declared.pick([
        "name",
        "description",
        "parameters",
        "strict",
        "cache_control",
    ]);
    if let Some(parameters) = parameters.filter(|parameters| !parameters.is_object()) {
        return Err(parameters.wrong(format!("{}.parameters", path()), "a JSON schema"));
    }
    Ok(Tool::Function {
        name: named(name, &path)?,
        description: described(description, &path)?,
        schema: parameters.map(Value::raw),
        strict: match strict {
            Some(strict) => strict.flag(|| format!("{}.strict", path()))?,
            None => None,
        },
        cache: cache
            .or_else(|| around.get("cache_control"))
            .and_then(cache_mark),
    })
}

fn custom<'a>(declared: Value<'a>, path: impl Fn() -> String) -> Result<Tool<'a>, Misfit> {
    let [name, description, format] = declared.pick(["name", "description", "format"]);
    let grammar = format.filter(|format| {
        let kind = format.get("type").and_then(Value::text);
        kind.as_deref() != Some("text")
    });
    let path = || format!("{}.custom", path());
    Ok(Tool::Custom {
        name: named(name, path)?,
        description: described(description, path)?,
        grammar: grammar.map(Value::raw),
    })
}

fn named<'a>(name: Option<Value<'a>>, path: impl Fn() -> String) -> Result<Text<'a>, Misfit> {
    let name = name.and_then(Value::text).filter(|name| !name.is_empty());
    name.ok_or_else(|| Misfit::malformed(format!("{}.name", path()), "must be the tool's name"))
}

fn described<'a>(
    description: Option<Value<'a>>,
    path: impl Fn() -> String,
) -> Result<Option<Text<'a>>, Misfit> {
    match description {
        Some(text) => text.string(|| format!("{}.description", path())),
        None => Ok(None),
    }
}

/// `tool_choice`, or the older `function_call`.
pub(super) fn choice<'a>(
    choice: Option<Value<'a>>,
    legacy: Option<Value<'a>>,
) -> Result<Option<ToolChoice<'a>>, Misfit> {
    let (value, path) = match (choice, legacy) {
        (Some(choice), _) => (choice, "tool_choice"),
        (None, Some(legacy)) => (legacy, "function_call"),
        (None, None) => return Ok(None),
    };
    if let Some(word) = value.text() {
        return match &*word {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            // Mistral's word, and LangChain's.
            "required" | "any" => Ok(Some(ToolChoice::Any)),
            _ => Err(Misfit::malformed(
                path,
                "must be \"auto\", \"none\", \"required\" or an object that names a tool",
            )),
        };
    }
    let allowed = value.get("allowed_tools");
    if let Some(allowed) = allowed {
        return allowed_tools(allowed).map(Some);
    }
    match name_in(value) {
        Some(name) => Ok(Some(ToolChoice::Named(name))),
        None => Err(Misfit::malformed(path, "must name a tool")),
    }
}

fn allowed_tools(allowed: Value<'_>) -> Result<ToolChoice<'_>, Misfit> {
    let [mode, tools] = allowed.pick(["mode", "tools"]);
    let path = "tool_choice.allowed_tools";
    let names: Vec<_> = tools
        .map(Value::elements)
        .unwrap_or_default()
        .into_iter()
        .map(|tool| name_in(tool).ok_or_else(|| Misfit::malformed(path, "must name tools")))
        .collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Err(Misfit::malformed(path, "must name tools"));
    }
    let must = mode.and_then(Value::text).as_deref() == Some("required");
    Ok(ToolChoice::Allowed { names, must })
}

/// The name of a tool that is pointed at, nested or flat.
fn name_in(value: Value<'_>) -> Option<Text<'_>> {
    let [function, custom, name] = value.pick(["function", "custom", "name"]);
    let nested = function.or(custom).and_then(|nested| nested.get("name"));
    nested.or(name)?.text().filter(|name| !name.is_empty())
}

/// A call in the history; `place` is its turn and its number there, for an id where it has none.
pub(super) fn call<'a>(
    call: Value<'a>,
    place: (usize, usize),
    path: impl Fn() -> String,
) -> Result<Part<'a>, Misfit> {
    let [id, function, custom, extra, cache] =
        call.pick(["id", "function", "custom", "extra_content", "cache_control"]);
    let (kind, said) = match (function, custom) {
        (None, Some(custom)) => (ToolKind::Custom, custom),
        (Some(function), _) => (ToolKind::Function, function),
        (None, None) => {
            return Err(Misfit::malformed(
                format!("{}.function", path()),
                "is missing",
            ));
        }
    };
    let [name, arguments, input] = said.pick(["name", "arguments", "input"]);
    let name = named(name, &path)?;
    let id = id.and_then(Value::text).filter(|id| !id.is_empty());
    Ok(Part::ToolCall(ToolCall {
        id: id.unwrap_or_else(|| mint_id(place.0, place.1, &name).into()),
        name,
        args: match kind {
            ToolKind::Function => written(arguments),
            ToolKind::Custom => written(input),
        },
        kind,
        signature: extra.and_then(proof),
        cache: cache.and_then(cache_mark),
        at: 0,
    }))
}

/// The older `function_call` of an answer.
pub(super) fn legacy_call<'a>(
    call: Value<'a>,
    id: String,
    path: impl Fn() -> String,
) -> Result<Part<'a>, Misfit> {
    let [name, arguments] = call.pick(["name", "arguments"]);
    Ok(Part::ToolCall(ToolCall {
        id: id.into(),
        name: named(name, &path)?,
        args: written(arguments),
        kind: ToolKind::Function,
        signature: None,
        cache: None,
        at: 0,
    }))
}

/// Arguments are text; some clients send the object itself.
fn written(arguments: Option<Value<'_>>) -> Text<'_> {
    arguments.map_or_else(Text::default, |value| {
        value.text().unwrap_or_else(|| value.raw())
    })
}

/// Gemini's proof of a call: its own, or wrapped.
fn proof(extra: Value<'_>) -> Option<Signature<'_>> {
    let proof = extra.get("google")?.get("thought_signature")?.text()?;
    match Signature::is_wrapped(&proof) {
        true => Signature::unwrap(&proof),
        false if proof.is_empty() => None,
        false => Some(Signature::native(Origin::Gemini, proof)),
    }
}
