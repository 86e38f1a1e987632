//! Reads an answer, whole or streamed, into events.

mod calls;
mod candidate;
mod grounding;
mod logprobs;
mod partial;
#[cfg(test)]
mod recorded;
mod stop;
#[cfg(test)]
mod tests;

pub(crate) use stop::is_malformed;

use candidate::{Candidate, Sink};

use crate::dialect::Quirks;
use crate::gemini::heard::{Chunk, Chunks, Feedback};
use crate::ir::Event;
use crate::loose::{self, mended};
use crate::meter::{Piece, cut};
use crate::normal::Mint;

/// Candidates that an answer may have, as the format says.
const MAX_CANDIDATES: u64 = 8;

/// Bytes that are kept of the reason a prompt was blocked for.
const MAX_KEPT_BYTES: usize = 512;

/// The machine: pieces of an answer in, events out.
#[derive(Debug)]
pub(crate) struct Decoder {
    started: bool,
    finished: bool,
    /// The number of the next block.
    next: u32,
    mint: Mint,
    candidates: Vec<Candidate>,
    /// Why the prompt was blocked, and what was said of it.
    blocked: Option<(String, String)>,
}

impl Decoder {
    /// For the answer to the request of that id.
    pub(crate) fn new(_quirks: Quirks, request: &str) -> Decoder {
        Decoder {
            started: false,
            finished: false,
            next: 0,
            mint: Mint::new(request),
            candidates: Vec::new(),
            blocked: None,
        }
    }

    /// Reads one event of a stream, or a whole answer; `true` when nothing more of it is to come,
    /// which no event says: usage may follow the last words.
    /// What it does not know, it leaves out; errors are the meter's to see.
    pub(crate) fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        if let Some(chunks) = loose::text(piece.json).and_then(Chunks::read) {
            return self.take(&chunks, piece, each);
        }
        if let Some(json) = mended(piece.json)
            && let Some(chunks) = loose::text(&json).and_then(Chunks::read)
        {
            return self.take(&chunks, piece, each);
        }
        false
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        chunks: &Chunks<'_>,
        _piece: Piece<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        if !self.finished {
            chunks
                .items()
                .iter()
                .for_each(|chunk| self.chunk(chunk, each));
        }
        false
    }

    /// The answer came to its end: closes what is open and says why each choice stopped. Not called
    /// for an answer that broke off.
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.start("", "", each);
        if self.candidates.is_empty() {
            self.candidates.push(Candidate::new(0));
        }
        let next = &mut self.next;
        for candidate in &mut self.candidates {
            let mut sink = Sink { next, each };
            candidate.finish(self.blocked.as_ref(), &self.mint, &mut sink);
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.start(&chunk.id.0, &chunk.model.0, each);
        if let Some(feedback) = &chunk.feedback.0 {
            self.feedback(feedback);
        }
        for candidate in chunk.candidates.items() {
            let index = candidate.index.0.unwrap_or(0);
            let Some(choice) = u32::try_from(index).ok().filter(|_| index < MAX_CANDIDATES) else {
                continue;
            };
            let known = self.candidates.iter().position(|one| one.choice == choice);
            let at = known.unwrap_or_else(|| {
                self.candidates.push(Candidate::new(choice));
                self.candidates.len() - 1
            });
            let mut sink = Sink {
                next: &mut self.next,
                each,
            };
            self.candidates[at].take(candidate, &self.mint, &mut sink);
        }
    }

    fn start(&mut self, id: &str, model: &str, each: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            each(Event::Start { id, model });
        }
    }

    fn feedback(&mut self, feedback: &Feedback<'_>) {
        if !feedback.reason.0.is_empty() {
            let kept = |text: &str| cut(text, MAX_KEPT_BYTES).to_owned();
            self.blocked = Some((kept(&feedback.reason.0), kept(&feedback.message.0)));
        }
    }
}
