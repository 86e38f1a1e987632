//! Brings the conversation into the order that Anthropic takes.

use crate::convert::Target;
use crate::ir::{Feature, Origin, Part, Request, Role, Signature, Text, Turn};
use crate::loss::{Losses, Misfit};
use crate::normal::{
    Blank, drop_empty, inline_system, lead_with_user, merge_turns, pair_tools, speak_for_system,
};
use crate::traits::{Claude, ClaudeThinking};

/// Applies the passes in their order. What Anthropic would refuse, and cannot be mended, is refused
/// here with its place in the caller's request.
pub(super) fn shape(
    request: &mut Request<'_>,
    claude: &Claude,
    to: &Target<'_>,
    losses: &mut Losses,
) -> Result<(), Misfit> {
    keep_own_proofs(request, claude, to, losses);
    speak_for_system(request);
    merge_turns(request);
    if !claude.mid_system || !system_stands_well(&request.turns) {
        inline_system(request);
        merge_turns(request);
    }
    end_without_thinking(request, losses);
    pair_tools(request, losses)?;
    drop_empty(request, Blank::Whitespace, losses)?;
    // Turns whose neighbour between them said nothing.
    merge_turns(request);
    lead_with_user(request, losses)?;
    if request.turns.is_empty() {
        let turns = Feature::Turns.name(request.origin);
        return Err(Misfit::malformed(turns, "says nothing"));
    }
    end(request, claude, losses)
}

/// Drops proofs that Anthropic did not give, and the thinking they prove: unsigned thinking is
/// refused.
fn keep_own_proofs(
    request: &mut Request<'_>,
    claude: &Claude,
    to: &Target<'_>,
    losses: &mut Losses,
) {
    let thinks = claude.thinking != ClaudeThinking::None;
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Part::ToolCall(call) = part
            && call.signature.take().is_some()
        {
            losses.hint(Feature::Signature);
        }
    }
    for turn in &mut request.turns {
        turn.parts.retain(|part| {
            let Part::Reasoning { text, signature } = part else {
                return true;
            };
            let keep = thinks && is_own(signature.as_ref(), to);
            let nothing = text.is_empty() && is_mark(signature.as_ref());
            if !keep && !nothing {
                losses.hint(Feature::Signature);
            }
            keep
        });
    }
}

/// Drops thinking that nothing follows: a message must not end with it.
fn end_without_thinking(request: &mut Request<'_>, losses: &mut Losses) {
    let is_thinking = |part: &mut Part<'_>| matches!(part, Part::Reasoning { .. });
    for turn in &mut request.turns {
        while turn.parts.pop_if(is_thinking).is_some() {
            losses.hint(Feature::Signature);
        }
    }
}

fn is_own(proof: Option<&Signature<'_>>, to: &Target<'_>) -> bool {
    proof.is_some_and(|proof| proof.fits(Origin::Messages, to.model) && !proof.data.is_empty())
}

/// The mark of thinking that never had a proof: it is ours, and nothing is lost with it alone.
fn is_mark(proof: Option<&Signature<'_>>) -> bool {
    proof.is_some_and(|proof| proof.origin == Origin::Nowhere)
}

/// A system message in the conversation follows the user, and is the last or followed by the
/// assistant. One that follows a tool's results stands well: they are the user's.
fn system_stands_well(turns: &[Turn<'_>]) -> bool {
    turns.iter().enumerate().all(|(at, turn)| {
        let before = at.checked_sub(1).and_then(|at| turns.get(at));
        let after = turns.get(at + 1);
        turn.role != Role::System
            || before.is_some_and(|turn| turn.role == Role::User)
                && after.is_none_or(|turn| turn.role == Role::Assistant)
    })
}

/// An answer that the caller began must be one that the model goes on with; its end is no white
/// space.
fn end(request: &mut Request<'_>, claude: &Claude, losses: &Losses) -> Result<(), Misfit> {
    let Some(last) = request.turns.last_mut() else {
        return Ok(());
    };
    if last.role != Role::Assistant {
        return Ok(());
    }
    if !claude.prefill {
        let reason = "the model does not go on with an answer that was begun";
        return Err(losses.contract_at(losses.turn(last.at), reason));
    }
    if let Some(Part::Text { text, .. } | Part::Refusal(text)) = last.parts.last_mut() {
        trim_end(text);
    }
    Ok(())
}

fn trim_end(text: &mut Text<'_>) {
    match text {
        Text::Borrowed(text) => *text = text.trim_end(),
        Text::Owned(text) => text.truncate(text.trim_end().len()),
    }
}
