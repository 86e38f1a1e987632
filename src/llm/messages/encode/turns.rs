//! Writes the system prompt and the conversation.

use serde_json::value::RawValue;

use super::body::{Block, Kind, Message};
use super::media;
use crate::ir::{
    CacheMark, Feature, Part, Request, Role, Text, ToolCall, ToolKind, ToolResult, Turn,
};
use crate::loss::{Losses, Misfit};
use crate::normal::{Loose, arguments};
use crate::patch::quoted;

/// The system prompt, and after it what the gateway has to tell the model.
pub(super) fn system<'a>(request: &'a Request<'_>, instruction: Option<&'a str>) -> Vec<Block<'a>> {
    let callers = request
        .system
        .iter()
        .map(|block| text(&block.text, block.cache));
    callers
        .chain(instruction.map(|said| text(said, None)))
        .collect()
}

/// The conversation, in order.
pub(super) fn messages<'a>(
    request: &'a Request<'_>,
    losses: &mut Losses,
) -> Result<Vec<Message<'a>>, Misfit> {
    let message = |turn: &'a Turn<'_>| {
        Ok(Message {
            role: match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::System => "system",
            },
            content: content(turn, losses)?,
        })
    };
    request.turns.iter().map(message).collect()
}

fn content<'a>(turn: &'a Turn<'_>, losses: &mut Losses) -> Result<Vec<Block<'a>>, Misfit> {
    let mut blocks = Vec::with_capacity(turn.parts.len());
    for part in &turn.parts {
        let block = match part {
            Part::Text { .. } | Part::Media { .. } => said(part, turn.at, losses)?,
            Part::ToolCall(call) => called(call, losses)?,
            Part::ToolResult(result) => found(result, losses)?,
            Part::Reasoning { text, signature } => {
                let proof = signature.as_ref().map_or("", |proof| &proof.data);
                let redacted = signature.as_ref().is_some_and(|proof| proof.redacted);
                Block::new(thought(text, proof, redacted), None)
            }
            Part::Refusal(refusal) => text(refusal, None),
            Part::Opaque { raw, at, .. } => Block::Raw(verbatim(raw, *at, losses)?),
        };
        blocks.push(block);
    }
    Ok(blocks)
}

fn text<'a>(text: &'a str, cache: Option<CacheMark>) -> Block<'a> {
    Block::new(Kind::Text { text }, cache)
}

fn thought<'a>(text: &'a str, proof: &'a str, redacted: bool) -> Kind<'a> {
    match redacted {
        true => Kind::RedactedThinking { data: proof },
        false => Kind::Thinking {
            thinking: text,
            signature: proof,
        },
    }
}

/// Text or media, of a message or of a tool's result.
fn said<'a>(part: &'a Part<'_>, at: usize, losses: &mut Losses) -> Result<Block<'a>, Misfit> {
    match part {
        Part::Text {
            text: said,
            citations,
            cache,
        } => {
            // Anthropic's own citations carry an index that only its search gives.
            if !citations.is_empty() {
                losses.hint(Feature::Citations);
            }
            Ok(text(said, *cache))
        }
        Part::Media { media, cache, at } => {
            Ok(Block::new(media::block(media, *at, losses)?, *cache))
        }
        Part::Refusal(refusal) => Ok(text(refusal, None)),
        _ => Err(losses.contract_at(losses.turn(at), "it cannot stand in a tool's result")),
    }
}

fn called<'a>(call: &'a ToolCall<'_>, losses: &Losses) -> Result<Block<'a>, Misfit> {
    let loose = match losses.is_strict() {
        true => Loose::Refuse,
        false => Loose::Wrap,
    };
    let args: Option<Text<'_>> = match call.kind {
        ToolKind::Function => arguments(&call.args, loose),
        ToolKind::Custom => Some(format!("{{\"input\":{}}}", quoted(&call.args)).into()),
    };
    let input = args.and_then(|args| RawValue::from_string(args.into_owned()).ok());
    let input = input.ok_or_else(|| {
        let problem = format!(
            "has a call '{}' whose arguments are no JSON object",
            call.id
        );
        Misfit::malformed(losses.turn(call.at), &problem)
    })?;
    let kind = Kind::ToolUse {
        id: &call.id,
        name: &call.name,
        input,
    };
    Ok(Block::new(kind, call.cache))
}

fn found<'a>(result: &'a ToolResult<'_>, losses: &mut Losses) -> Result<Block<'a>, Misfit> {
    let parts = result.parts.iter();
    let content: Result<Vec<_>, _> = parts.map(|part| said(part, result.at, losses)).collect();
    let kind = Kind::ToolResult {
        tool_use_id: &result.id,
        content: content?,
        is_error: result.error,
    };
    Ok(Block::new(kind, result.cache))
}

fn verbatim<'a>(raw: &'a str, at: usize, losses: &Losses) -> Result<&'a RawValue, Misfit> {
    serde_json::from_str(raw).map_err(|_| Misfit::malformed(losses.turn(at), "is not valid JSON"))
}
