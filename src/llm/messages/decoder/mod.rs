//! Reads an answer, whole or streamed, into events.

mod blocks;

use crate::dialect::Quirks;
use crate::ir::{Event, OwnedStop, Stop};
use crate::loose::{self, Kept, Slot, mended};
use crate::messages::heard::{self, Part, Step};
use crate::meter::Piece;
use blocks::Blocks;

/// The machine: pieces of an answer in, events out.
#[derive(Debug)]
pub(crate) struct Decoder {
    started: bool,
    finished: bool,
    blocks: Blocks,
    stop: Option<OwnedStop>,
}

impl Decoder {
    /// For the answer to the request of that id.
    pub(crate) fn new(_quirks: Quirks, request: &str) -> Decoder {
        Decoder {
            started: false,
            finished: false,
            blocks: Blocks::new(request),
            stop: None,
        }
    }

    /// Reads one event of a stream, or a whole answer; `true` when nothing more of it is to come.
    /// What it does not know, it leaves out; errors are the meter's to see.
    pub(crate) fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        if let Some(Slot(step)) = loose::json::<Slot<Step<'_>>>(piece.json) {
            return self.take(&step.unwrap_or_default(), piece, each);
        }
        // A text with half a surrogate pair, or bytes that are no UTF-8.
        let Some(json) = mended(piece.json) else {
            return self.finished;
        };
        match loose::json::<Slot<Step<'_>>>(&json) {
            Some(Slot(Some(step))) => self.take(&step, piece, each),
            _ => self.finished,
        }
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        step: &Step<'_>,
        piece: Piece<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        self.finished || self.step(piece.name, step, each)
    }

    /// The answer came to its end: closes what is open and says why each choice stopped. Not called
    /// for an answer that broke off.
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if self.finished {
            return;
        }
        self.finished = true;
        self.start("", "", each);
        self.blocks.close(each);
        let stop = self.stop.as_ref().map_or(Stop::End, OwnedStop::get);
        each(Event::Stop {
            choice: 0,
            stop: stop.with_tools(self.blocks.called()),
        });
    }

    fn step(&mut self, name: &[u8], step: &Step<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        let kind = match &*step.kind.0 {
            "" => std::str::from_utf8(name).unwrap_or(""),
            kind => kind,
        };
        match kind {
            "message_start" => {
                if let Some(message) = &step.message.0 {
                    self.start(&message.id.0, &message.model.0, each);
                    self.content(&message.content.0, each);
                    self.stopped(heard::stop(
                        &message.stop,
                        &message.sequence,
                        &message.details,
                    ));
                }
            }
            "content_block_start" => {
                self.start("", "", each);
                self.blocks.open(&step.block, each);
            }
            "content_block_delta" => {
                if let Some(delta) = &step.delta.0 {
                    self.start("", "", each);
                    self.blocks.delta(delta, each);
                }
            }
            "content_block_stop" => self.blocks.close(each),
            "message_delta" => {
                if let Some(delta) = &step.delta.0 {
                    self.stopped(heard::stop(&delta.stop, &delta.sequence, &delta.details));
                }
            }
            "message_stop" => return true,
            "message" => {
                self.start(&step.id.0, &step.model.0, each);
                self.content(&step.content.0, each);
                self.stopped(heard::stop(&step.stop, &step.sequence, &step.details));
                return true;
            }
            _ => {}
        }
        false
    }

    /// Blocks that come complete: in a whole message, and in the first event of an answer that
    /// goes on after a programmatic call.
    fn content(&mut self, content: &[Kept<'_, Part<'_>>], each: &mut dyn FnMut(Event<'_>)) {
        for block in content {
            self.blocks.open(block, each);
            self.blocks.close(each);
        }
    }

    /// The first event of all; a second one, of a stream that was begun again, says nothing new.
    fn start(&mut self, id: &str, model: &str, each: &mut dyn FnMut(Event<'_>)) {
        if !self.started {
            self.started = true;
            each(Event::Start { id, model });
        }
    }

    fn stopped(&mut self, stop: Option<Stop<'_>>) {
        if let Some(stop) = stop {
            self.stop = Some(OwnedStop::new(stop));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stdout)]
mod recorded;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
