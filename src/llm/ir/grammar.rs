//! Checks that a run of events is an answer: the rules of [`Event`](super::Event).

use super::{BlockKind, Delta, Event};

/// A rule that an event breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Breach(&'static str);

/// What the deltas of an open block may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Text,
    Reasoning,
    Refusal,
    Tool,
    Image,
    Audio,
    Nothing,
}

/// Follows one answer. Used by debug builds on every event, and by the tests.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    started: bool,
    ended: bool,
    usage: bool,
    next: u32,
    open: Vec<(u32, u32, Holds)>,
    stopped: Vec<u32>,
}

impl Grammar {
    /// Takes the next event, or says what is wrong with it.
    pub(crate) fn see(&mut self, event: &Event<'_>) -> Result<(), Breach> {
        let rule = |holds: bool, rule| holds.then_some(()).ok_or(Breach(rule));
        rule(!self.ended, "nothing comes after End")?;
        match event {
            Event::Start { .. } => {
                rule(!self.started, "Start comes once")?;
                self.started = true;
                return Ok(());
            }
            _ => rule(self.started, "Start comes first")?,
        }
        match event {
            Event::Start { .. } => Ok(()),
            Event::Open {
                block,
                choice,
                kind,
            } => {
                rule(*block == self.next, "blocks count up from 0")?;
                rule(
                    !self.stopped.contains(choice),
                    "a choice that stopped opens nothing",
                )?;
                self.next += 1;
                self.open.push((*block, *choice, holds(kind)?));
                Ok(())
            }
            Event::Delta { block, delta } => {
                let open = self.open.iter().find(|(open, ..)| open == block);
                let (.., holds) = open.ok_or(Breach("a delta is of an open block"))?;
                rule(
                    fits(*holds, delta),
                    "a delta is of its block's kind and not empty",
                )
            }
            Event::Close { block } => {
                let place = self.open.iter().position(|(open, ..)| open == block);
                self.open
                    .swap_remove(place.ok_or(Breach("only an open block closes"))?);
                Ok(())
            }
            Event::Stop { choice, .. } => {
                rule(
                    !self.open.iter().any(|(_, of, _)| of == choice),
                    "blocks close before their choice stops",
                )?;
                rule(!self.stopped.contains(choice), "a choice stops once")?;
                self.stopped.push(*choice);
                Ok(())
            }
            Event::Usage(_) => {
                rule(!self.usage, "usage comes once")?;
                self.usage = true;
                Ok(())
            }
            Event::End => {
                rule(self.open.is_empty(), "blocks close before the end")?;
                rule(!self.stopped.is_empty(), "a choice stops before the end")?;
                self.ended = true;
                Ok(())
            }
        }
    }
}

fn holds(kind: &BlockKind<'_>) -> Result<Holds, Breach> {
    Ok(match kind {
        BlockKind::Text => Holds::Text,
        BlockKind::Reasoning => Holds::Reasoning,
        BlockKind::Refusal => Holds::Refusal,
        BlockKind::Tool { id: "", .. } => return Err(Breach("a call has an id")),
        BlockKind::Tool { .. } => Holds::Tool,
        BlockKind::Image { .. } => Holds::Image,
        BlockKind::Audio { .. } => Holds::Audio,
        BlockKind::Server { .. } => Holds::Nothing,
    })
}

fn fits(holds: Holds, delta: &Delta<'_>) -> bool {
    match delta {
        Delta::Text(text) => {
            !text.is_empty()
                && matches!(
                    holds,
                    Holds::Text | Holds::Reasoning | Holds::Refusal | Holds::Audio
                )
        }
        Delta::Args(text) => !text.is_empty() && holds == Holds::Tool,
        Delta::Signature(_) => matches!(holds, Holds::Reasoning | Holds::Tool),
        Delta::Citation(_) | Delta::Logprobs(_) => holds == Holds::Text,
        Delta::Data(text) => !text.is_empty() && matches!(holds, Holds::Image | Holds::Audio),
    }
}
