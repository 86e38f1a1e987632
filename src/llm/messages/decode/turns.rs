//! Reads the conversation.

use std::borrow::Cow;

use super::read::{Place, each, flag, object, optional, raw, raw_object, string};
use super::{hint, mark, media};
use crate::Format;
use crate::ir::{
    CacheMark, Citation, Part, Request, Role, Signature, Text, ToolCall, ToolKind, ToolResult, Turn,
};
use crate::loose::compact;
use crate::loss::Misfit;
use crate::messages::proof;

/// Reads `messages`.
pub(super) fn read<'a>(
    value: &'a [u8],
    place: &Place<'_>,
    request: &mut Request<'a>,
) -> Result<(), Misfit> {
    each(value, place, |message, place| {
        let [role, content] = object(message, place, ["role", "content"])?;
        let role_place = place.member("role");
        let role = match &*string(role_place.required(role)?, &role_place)? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(role_place.wrong("must be one of user, assistant, system")),
        };
        let place = place.member("content");
        let parts = parts(request, role, place.required(content)?, &place)?;
        let at = request.turns.len();
        request.turns.push(Turn::new(role, parts, at));
        Ok(())
    })
}

fn parts<'a>(
    request: &mut Request<'a>,
    role: Role,
    content: &'a [u8],
    place: &Place<'_>,
) -> Result<Vec<Part<'a>>, Misfit> {
    if content.first() == Some(&b'"') {
        return Ok(vec![Part::text(string(content, place)?)]);
    }
    let mut parts = Vec::new();
    each(content, place, |block, place| {
        parts_of_block(request, role, block, place, &mut parts)
    })?;
    // Anthropic takes an empty list as the beginning of the answer only.
    if parts.is_empty() && role != Role::Assistant {
        return Err(place.wrong("is empty; a message says something"));
    }
    Ok(parts)
}

fn parts_of_block<'a>(
    request: &mut Request<'a>,
    role: Role,
    block: &'a [u8],
    place: &Place<'_>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Misfit> {
    let [kind, cache] = object(block, place, ["type", "cache_control"])?;
    let kind_place = place.member("type");
    let kind = string(kind_place.required(kind)?, &kind_place)?;
    let cache = mark(cache);
    match (&*kind, role) {
        ("tool_use", Role::Assistant) => {
            let mut call = call(block, cache, place)?;
            call.signature = carried(parts);
            parts.push(Part::ToolCall(call));
        }
        ("thinking", Role::Assistant) => parts.push(thinking(block, place)?),
        ("redacted_thinking", Role::Assistant) => parts.push(redacted(block, place)?),
        ("tool_result", Role::User) => {
            let result = result(request, block, cache, place)?;
            parts.push(Part::ToolResult(result));
        }
        ("tool_use" | "thinking" | "redacted_thinking" | "tool_result", _) => {
            return Err(kind_place.wrong("does not belong into a message of this role"));
        }
        (known, _) => {
            if !said(request, known, block, cache, place, parts)? {
                parts.push(Part::Opaque {
                    origin: Format::Messages,
                    kind,
                    raw: raw(block),
                    at: 0,
                });
            }
        }
    }
    Ok(())
}

/// Reads a block that may also stand in a tool's result; `false` for one that may not.
fn said<'a>(
    request: &mut Request<'a>,
    kind: &str,
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
    parts: &mut Vec<Part<'a>>,
) -> Result<bool, Misfit> {
    match kind {
        "text" => parts.push(text(request, block, cache, place)?),
        "image" => {
            let [source] = object(block, place, ["source"])?;
            parts.push(media::image(source, cache, place)?);
        }
        "document" => media::document(request, block, cache, place, parts)?,
        "search_result" => parts.push(media::search_result(block, cache, place)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn text<'a>(
    request: &mut Request<'a>,
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
) -> Result<Part<'a>, Misfit> {
    let [text, sources] = object(block, place, ["text", "citations"])?;
    let text_place = place.member("text");
    let mut citations = Vec::new();
    if let Some(sources) = sources {
        each(sources, &place.member("citations"), |value, place| {
            match citation(value, place)? {
                Some(citation) => citations.push(citation),
                // A place in a document that the caller sent.
                None => hint(request, "text.citations"),
            }
            Ok(())
        })?;
    }
    Ok(Part::Text {
        text: string(text_place.required(text)?, &text_place)?,
        citations,
        cache,
    })
}

fn citation<'a>(value: &'a [u8], place: &Place<'_>) -> Result<Option<Citation<'a>>, Misfit> {
    let names = ["url", "source", "title", "cited_text"];
    let [url, source, title, quote] = object(value, place, names)?;
    let Some(url) = optional(url.or(source), &place.member("url"))? else {
        return Ok(None);
    };
    Ok(Some(Citation {
        url,
        title: optional(title, &place.member("title"))?,
        span: None,
        quote: optional(quote, &place.member("cited_text"))?,
    }))
}

fn call<'a>(
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
) -> Result<ToolCall<'a>, Misfit> {
    let [id, name, input] = object(block, place, ["id", "name", "input"])?;
    let (id_place, name_place) = (place.member("id"), place.member("name"));
    let args = match input {
        Some(input) => match raw_object(input, &place.member("input"))? {
            Cow::Borrowed(args) => compact(args),
            args => args,
        },
        None => Cow::Borrowed("{}"),
    };
    Ok(ToolCall {
        id: named(id, &id_place)?,
        name: named(name, &name_place)?,
        args,
        kind: ToolKind::Function,
        signature: None,
        cache,
        at: 0,
    })
}

/// Takes back the proof of a call: our clients carry it in a thinking block without text directly
/// before the call, as the format has no place on the call itself.
fn carried<'a>(parts: &mut Vec<Part<'a>>) -> Option<Signature<'a>> {
    parts
        .pop_if(|part| match part {
            Part::Reasoning { text, signature } => {
                text.is_empty() && signature.as_ref().is_some_and(proof::is_of_call)
            }
            _ => false,
        })
        .and_then(|part| match part {
            Part::Reasoning { signature, .. } => signature,
            _ => None,
        })
}

/// A string that must be there and say something.
fn named<'a>(value: Option<&'a [u8]>, place: &Place<'_>) -> Result<Text<'a>, Misfit> {
    match string(place.required(value)?, place)? {
        empty if empty.is_empty() => Err(place.wrong("is empty")),
        text => Ok(text),
    }
}

fn result<'a>(
    request: &mut Request<'a>,
    block: &'a [u8],
    cache: Option<CacheMark>,
    place: &Place<'_>,
) -> Result<ToolResult<'a>, Misfit> {
    let [id, content, error] = object(block, place, ["tool_use_id", "content", "is_error"])?;
    let content_place = place.member("content");
    let mut parts = Vec::new();
    match content {
        None => {}
        Some([b'"', ..]) => match string(content.unwrap_or_default(), &content_place)? {
            empty if empty.is_empty() => {}
            text => parts.push(Part::text(text)),
        },
        Some(list) => each(list, &content_place, |block, place| {
            found(request, block, place, &mut parts)
        })?,
    }
    Ok(ToolResult {
        id: named(id, &place.member("tool_use_id"))?,
        name: None,
        parts,
        error: flag(error, &place.member("is_error"))?,
        cache,
        at: 0,
    })
}

/// A block inside a tool's result.
fn found<'a>(
    request: &mut Request<'a>,
    block: &'a [u8],
    place: &Place<'_>,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Misfit> {
    let [kind, cache, name] = object(block, place, ["type", "cache_control", "tool_name"])?;
    let kind_place = place.member("type");
    let kind = string(kind_place.required(kind)?, &kind_place)?;
    if said(request, &kind, block, mark(cache), place, parts)? {
        return Ok(());
    }
    // What a search among the caller's tools found: a tool's name.
    let name = optional(name, &place.member("tool_name"))?.filter(|_| kind == "tool_reference");
    let name = name.ok_or_else(|| kind_place.wrong("does not belong into a tool's result"))?;
    parts.push(Part::text(name));
    Ok(())
}

fn thinking<'a>(block: &'a [u8], place: &Place<'_>) -> Result<Part<'a>, Misfit> {
    let [text, signature] = object(block, place, ["thinking", "signature"])?;
    let text = optional(text, &place.member("thinking"))?;
    let signature = optional(signature, &place.member("signature"))?;
    Ok(Part::Reasoning {
        text: text.unwrap_or_default(),
        signature: signature.and_then(proof::of_signature),
    })
}

fn redacted<'a>(block: &'a [u8], place: &Place<'_>) -> Result<Part<'a>, Misfit> {
    let [inside] = object(block, place, ["data"])?;
    let place = place.member("data");
    Ok(Part::Reasoning {
        text: Cow::Borrowed(""),
        signature: proof::of_redacted(string(place.required(inside)?, &place)?),
    })
}
