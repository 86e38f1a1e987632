//! Reads an answer, whole or streamed, into events.

mod calls;
mod choice;

use self::calls::Numbers;
use self::choice::Choice;
use crate::chat::heard::Chunk;
use crate::dialect::Quirks;
use crate::ir::{Event, Stop};
use crate::loose::{self, Slot};
use crate::meter::Piece;

/// Choices of one answer that are read (OpenAI's highest `n`).
const MAX_CHOICES: u64 = 128;

/// The machine: pieces of an answer in, events out.
#[derive(Debug)]
pub(crate) struct Decoder {
    started: bool,
    finished: bool,
    numbers: Numbers,
    /// In the order in which they began.
    choices: Vec<Choice>,
}

impl Decoder {
    /// For the answer to the request of that id.
    pub(crate) fn new(_quirks: Quirks, request: &str) -> Decoder {
        Decoder {
            started: false,
            finished: false,
            numbers: Numbers::new(request),
            choices: Vec::new(),
        }
    }

    /// Reads one event of a stream, or a whole answer; `true` when nothing more of it is to come.
    /// What it does not know, it leaves out; errors are the meter's to see.
    pub(crate) fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        if let Some(Slot(chunk)) = loose::json::<Slot<Chunk<'_>>>(piece.json) {
            return self.take(&chunk.unwrap_or_default(), piece, each);
        }
        if let Some(json) = loose::mended(piece.json)
            && let Some(Slot(Some(chunk))) = loose::json::<Slot<Chunk<'_>>>(&json)
        {
            return self.take(&chunk, piece, each);
        }
        self.finished || piece.whole
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        chunk: &Chunk<'_>,
        piece: Piece<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        if !self.finished {
            self.chunk(chunk, piece.whole, each);
        }
        // Usage may follow the last choice: only the end of the body is the end.
        self.finished || piece.whole
    }

    /// The answer came to its end: closes what is open and says why each choice stopped. Not called
    /// for an answer that broke off.
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        if self.choices.is_empty() {
            self.start("", "", each);
            each(Event::Stop {
                choice: 0,
                stop: Stop::End,
            });
        }
        self.choices.sort_by_key(|choice| choice.index);
        for choice in &mut self.choices {
            choice.finish(each);
        }
    }

    fn start(&mut self, id: &str, model: &str, each: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            each(Event::Start { id, model });
        }
    }

    /// A chunk without choices (Azure's filters, usage) says nothing yet.
    fn chunk(&mut self, chunk: &Chunk<'_>, whole: bool, each: &mut dyn FnMut(Event<'_>)) {
        for (place, read) in chunk.choices.items().iter().enumerate() {
            self.start(&chunk.id.0, &chunk.model.0, each);
            let index = read.index.0.unwrap_or(if whole { place as u64 } else { 0 });
            let Some(choice) = choice(&mut self.choices, index) else {
                continue;
            };
            choice.read(read, whole, &mut self.numbers, each);
            if place == 0 {
                choice.sources(chunk.results.items(), &mut self.numbers, each);
            }
        }
    }
}

/// The choice of that index, begun where it is new.
fn choice(choices: &mut Vec<Choice>, index: u64) -> Option<&mut Choice> {
    let place = choices
        .iter()
        .position(|choice| u64::from(choice.index) == index);
    if let Some(place) = place {
        return choices.get_mut(place);
    }
    if index >= MAX_CHOICES {
        return None;
    }
    choices.push(Choice::new(index as u32));
    choices.last_mut()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod recorded_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
