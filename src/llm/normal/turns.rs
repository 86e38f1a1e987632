//! Order and shape of the conversation.

use crate::ir::{Part, Request, Role, Text, Turn};
use crate::loss::{Losses, Misfit};

/// What counts as empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blank {
    /// No bytes.
    Empty,
    /// No bytes but white space (Anthropic refuses such text).
    Whitespace,
}

/// Joins neighbours of one role; their parts stay apart.
pub(crate) fn merge_turns(request: &mut Request<'_>) {
    let turns = std::mem::take(&mut request.turns);
    for turn in turns {
        match request.turns.last_mut() {
            Some(last) if last.role == turn.role => last.parts.extend(turn.parts),
            _ => request.turns.push(turn),
        }
    }
}

/// Drops empty text parts, and turns that are left with none where the neighbours allow it: a
/// conversation must not become empty, nor end with the assistant where the user had the last word.
pub(crate) fn drop_empty(
    request: &mut Request<'_>,
    blank: Blank,
    losses: &Losses,
) -> Result<(), Misfit> {
    request.system.retain(|block| !blank.is(&block.text));
    for turn in &mut request.turns {
        drop_blank(&mut turn.parts, blank);
    }
    let last = request.turns.last().map(|turn| (turn.role, turn.at));
    request.turns.retain(|turn| !turn.parts.is_empty());
    let lost = match (last, request.turns.last().map(|turn| turn.role)) {
        (Some((role, at)), None) if role != Role::System || request.system.is_empty() => Some(at),
        (Some((Role::User, at)), Some(Role::Assistant)) => Some(at),
        _ => None,
    };
    match lost {
        Some(at) => Err(Misfit::malformed(losses.turn(at), "says nothing")),
        None => Ok(()),
    }
}

fn drop_blank(parts: &mut Vec<Part<'_>>, blank: Blank) {
    parts.retain_mut(|part| match part {
        Part::Text { text, .. } => !blank.is(text),
        Part::ToolResult(result) => {
            drop_blank(&mut result.parts, blank);
            true
        }
        _ => true,
    });
}

impl Blank {
    fn is(self, text: &str) -> bool {
        match self {
            Blank::Empty => text.is_empty(),
            Blank::Whitespace => text.trim().is_empty(),
        }
    }
}

/// Makes system turns in the conversation user text, `<system>…</system>`, at the same place.
pub(crate) fn inline_system(request: &mut Request<'_>) {
    for turn in &mut request.turns {
        if turn.role != Role::System {
            continue;
        }
        turn.role = Role::User;
        for part in &mut turn.parts {
            if let Part::Text { text, .. } = part {
                *text = Text::Owned(format!("<system>{text}</system>"));
            }
        }
    }
}

/// Where there is no conversation but a system prompt, its last block becomes the user's turn.
pub(crate) fn speak_for_system(request: &mut Request<'_>) {
    if !request.turns.is_empty() {
        return;
    }
    if let Some(block) = request.system.pop() {
        request.turns.push(Turn {
            role: Role::User,
            parts: vec![Part::Text {
                text: block.text,
                citations: Vec::new(),
                cache: block.cache,
            }],
            at: 0,
            name: None,
        });
    }
}

/// Where the assistant speaks first: `(continue)` of the user before it; refused when strict.
pub(crate) fn lead_with_user(request: &mut Request<'_>, losses: &mut Losses) -> Result<(), Misfit> {
    let Some(first) = request.turns.first() else {
        return Ok(());
    };
    if first.role != Role::Assistant {
        return Ok(());
    }
    if losses.is_strict() {
        let reason = "the conversation has to begin with the user";
        return Err(losses.contract_at(losses.turn(first.at), reason));
    }
    let lead = Turn {
        role: Role::User,
        parts: vec![Part::text("(continue)")],
        at: first.at,
        name: None,
    };
    request.turns.insert(0, lead);
    Ok(())
}

#[cfg(test)]
#[path = "turns_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
