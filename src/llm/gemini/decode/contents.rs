//! Reads the conversation.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::read::{Str, list, text, wrong};
use super::pairs::Pairs;
use super::parts::{Hints, Part};
use super::{hint, typed};
use crate::ir::{self, Request, Role, Turn};
use crate::loss::Misfit;

#[derive(Deserialize)]
struct Content<'a, P> {
    #[serde(borrow)]
    role: Option<Str<'a>>,
    #[serde(default = "none")]
    parts: Option<Vec<P>>,
}

fn none<P>() -> Option<Vec<P>> {
    None
}

/// Reads `contents` into turns. Neighbouring contents of the model are one turn: a client that
/// keeps a streamed answer chunk by chunk means one answer.
pub(super) fn read<'a>(request: &mut Request<'a>, value: &'a RawValue) -> Result<(), Misfit> {
    let mut pairs = Pairs::default();
    let mut hints = Hints::default();
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for (at, content) in list(value, "contents")?.into_iter().enumerate() {
        let path = format!("contents[{at}]");
        let content: Content<'a, Part<'a>> = typed(content, &path)?;
        let role = role(content.role);
        pairs.turn(role);
        let mut turn = match turns.pop_if(|last| role == Role::Assistant && last.role == role) {
            Some(last) => last,
            None => Turn::new(role, Vec::new(), at),
        };
        let new = turn.parts.len();
        for (place, part) in content.parts.into_iter().flatten().enumerate() {
            hints.see(&part);
            part.read(&mut turn.parts, &mut pairs, (at, place))?;
        }
        turn.stand(new, at);
        if !turn.parts.is_empty() {
            turns.push(turn);
        }
    }
    request.turns = turns;
    for name in hints.names() {
        hint(request, name);
    }
    Ok(())
}

/// The texts of a content that may hold nothing else; Google also takes the bare text.
pub(super) fn texts<'a>(value: &'a RawValue, path: &str) -> Result<Vec<ir::Text<'a>>, Misfit> {
    if let Some(text) = text(value.get()) {
        return Ok(vec![text]);
    }
    let content: Content<'a, Part<'a>> = typed(value, path)?;
    let parts = content.parts.into_iter().flatten().enumerate();
    let texts = parts.map(|(place, part)| {
        let text = part.only_text();
        text.ok_or_else(|| wrong(&format!("{path}.parts[{place}]"), "text"))
    });
    texts.collect()
}

/// Also the older `function`, and none at all, is the user's side.
fn role(role: Option<Str<'_>>) -> Role {
    match role.as_ref().map(|role| &*role.0) {
        Some("model" | "assistant") => Role::Assistant,
        _ => Role::User,
    }
}
