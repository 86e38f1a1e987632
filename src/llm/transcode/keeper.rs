//! Keeps the proofs of an answer's calls, for clients that will not send them back.

use crate::ir::{BlockKind, Delta, Event, Origin};

/// Proofs of one answer that are kept.
const MAX_PROOFS: usize = 128;

/// Listens to an answer's events.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// The call that began last: block and id. Gemini's proof follows at once.
    call: Option<(u32, String)>,
    proofs: Vec<(String, String)>,
}

impl Keeper {
    /// Takes note of the next event.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Open {
                block,
                kind: BlockKind::Tool { id, .. },
                ..
            } => self.call = Some((*block, (*id).to_owned())),
            Event::Delta {
                block,
                delta: Delta::Signature(proof),
            } if proof.origin == Origin::Gemini && self.proofs.len() < MAX_PROOFS => {
                if let Some((_, id)) = self.call.take_if(|(call, _)| call == block) {
                    self.proofs.push((id, proof.data.clone().into_owned()));
                }
            }
            _ => {}
        }
    }

    /// The ids of calls, and their proofs.
    pub(super) fn take(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.proofs)
    }
}
