//! Order and shape of the conversation.

use crate::ir::Request;
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
pub(crate) fn merge_turns(_request: &mut Request<'_>) {}

/// Gives every call its one result, in the order of the calls, at the head of the user turn
/// that follows, and every result its tool's name. A call without result, a result without call
/// and a second result are refused, by id.
pub(crate) fn pair_tools(_request: &mut Request<'_>, _losses: &Losses) -> Result<(), Misfit> {
    Ok(())
}

/// Drops empty text parts, and turns that are left with none where the neighbours allow it.
pub(crate) fn drop_empty(
    _request: &mut Request<'_>,
    _blank: Blank,
    _losses: &Losses,
) -> Result<(), Misfit> {
    Ok(())
}

/// Makes system turns in the conversation user text, `<system>…</system>`, at the same place.
pub(crate) fn inline_system(_request: &mut Request<'_>) {}

/// Where there is no conversation but a system prompt, its last block becomes the user's turn.
pub(crate) fn speak_for_system(_request: &mut Request<'_>) {}

/// Where the assistant speaks first: `(continue)` of the user before it; refused when strict.
pub(crate) fn lead_with_user(
    _request: &mut Request<'_>,
    _losses: &mut Losses,
) -> Result<(), Misfit> {
    Ok(())
}
