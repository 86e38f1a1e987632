//! Writes a streamed answer, event by event.
//!
//! Anthropic's clients know one open block at a time, numbered in order of their starts. Blocks
//! that overlap are put one behind the other: a call whose arguments are not complete keeps its
//! place, and what the others say meanwhile is held until it is theirs to speak.

mod block;
mod line;

use serde_json::value::RawValue;

use crate::Usage;
use crate::convert::Back;
use crate::fault::{self, Telling};
use crate::format::Format;
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Delta, Event, OwnedStop, Stop, family};
use crate::messages::answer::{Ending, Message, image_note, message_id};
use crate::transcode::Envelope;
use block::{Block, Kind};
use line::Line;

/// Bytes that wait for an unfinished call; beyond it the call loses its place, and its rest.
const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;

/// The machine: events in, the caller's stream out.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    /// The family of the upstream's model, for the wrapping of proofs.
    family: String,
    /// The caller wants to see thinking.
    thoughts: bool,
    /// Blocks that may still say something, in order of their beginning.
    blocks: Vec<Block>,
    /// The number of the block that is open at the client.
    active: Option<u32>,
    /// The place of the next block at the client.
    index: u32,
    held: usize,
    /// A call was shown.
    called: bool,
    stop: Option<OwnedStop>,
    usage: Usage,
}

impl Encoder {
    pub(crate) fn new(envelope: &Envelope, back: &Back) -> Encoder {
        Encoder {
            id: message_id(&envelope.id),
            model: envelope.model.clone(),
            family: family(&envelope.upstream_model).to_owned(),
            thoughts: back.show_thoughts,
            blocks: Vec::new(),
            active: None,
            index: 0,
            held: 0,
            called: false,
            stop: None,
            usage: Usage::default(),
        }
    }

    /// Writes what follows from the event; may hold back what depends on later ones.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        match event {
            Event::Start { .. } => {
                let message = Message::new(&self.id, &self.model, &self.usage);
                Line::MessageStart { message }.write(out);
            }
            // A client of this format cannot ask for a second choice.
            Event::Open {
                choice: 0,
                block,
                kind,
            } => self.open(*block, kind),
            Event::Delta { block, delta } => self.delta(*block, delta, out),
            Event::Close { block } => self.close(*block, out),
            Event::Stop { choice: 0, stop } => self.stop = Some(OwnedStop::new(*stop)),
            Event::Usage(usage) => self.usage = **usage,
            Event::End => self.end(out),
            Event::Open { .. } | Event::Stop { .. } => {}
        }
    }

    /// Ends a stream that broke off with an error, in the words of the format.
    pub(crate) fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        let body = fault::body(Format::Messages, telling);
        if let Ok(error) = serde_json::from_slice::<&RawValue>(&body) {
            out.event("error", &error);
        }
    }

    fn open(&mut self, number: u32, kind: &BlockKind<'_>) {
        let (kind, note) = match kind {
            BlockKind::Text | BlockKind::Refusal | BlockKind::Audio { .. } => {
                (Kind::Text, String::new())
            }
            BlockKind::Image { mime } => (Kind::Text, image_note(mime)),
            BlockKind::Reasoning if self.thoughts => (Kind::Thinking, String::new()),
            BlockKind::Tool { id, name, kind } => (Kind::tool(id, name, *kind), String::new()),
            BlockKind::Reasoning | BlockKind::Server { .. } => return,
        };
        self.held += note.len();
        self.blocks.push(Block::new(number, kind, note));
    }

    fn delta(&mut self, number: u32, delta: &Delta<'_>, out: &mut Writer) {
        if let Delta::Signature(proof) = delta {
            if let Some(place) = self.place(number) {
                self.blocks[place].sign(proof.clone().into_owned());
            }
            return;
        }
        // A call that waited only for its proof begins, each piece of it as it came.
        self.advance(out);
        let Some(place) = self.place(number) else {
            return;
        };
        let block = &mut self.blocks[place];
        let Some(more) = block.takes(delta) else {
            return;
        };
        if self.active == Some(number) {
            block.say(more, self.index, out);
        } else {
            self.held += more.len();
            let first = block.hold(more);
            // The proof of a call may come behind its arguments, and has to go before the call.
            if first && self.thoughts && block.is_call() {
                return;
            }
        }
        self.advance(out);
    }

    fn close(&mut self, number: u32, out: &mut Writer) {
        let Some(place) = self.place(number) else {
            return;
        };
        if self.active == Some(number) {
            self.finish(place, out);
            self.blocks.remove(place);
        } else if !self.blocks[place].close() {
            self.blocks.remove(place);
        }
        self.advance(out);
    }

    /// Lets those speak that wait, as far as the open block gives way.
    fn advance(&mut self, out: &mut Writer) {
        while let Some(number) = self.next() {
            if let Some(place) = self.active.and_then(|active| self.place(active)) {
                if !self.blocks[place].yields() && self.held <= MAX_HELD_BYTES {
                    return;
                }
                self.finish(place, out);
                if self.blocks[place].is_call() {
                    self.blocks.remove(place);
                }
            }
            if let Some(place) = self.place(number) {
                self.begin(place, out);
            }
        }
    }

    /// The number of the block whose turn it is next, once any that waits has something to say:
    /// calls keep the order of their beginning.
    fn next(&self) -> Option<u32> {
        let waits = |block: &&Block| !self.active.is_some_and(|active| block.is(active));
        let mut waiting = self.blocks.iter().filter(waits);
        if !waiting.clone().any(Block::has_something_to_say) {
            return None;
        }
        waiting
            .find(|block| block.is_call() || block.has_something_to_say())
            .map(Block::number)
    }

    fn begin(&mut self, place: usize, out: &mut Writer) {
        let block = &mut self.blocks[place];
        self.called |= block.is_call();
        self.active = Some(block.number());
        let family = self.thoughts.then_some(&*self.family);
        self.held -= block.begin(&mut self.index, family, out);
        if block.is_closed() {
            self.finish(place, out);
            self.blocks.remove(place);
        }
    }

    fn finish(&mut self, place: usize, out: &mut Writer) {
        self.blocks[place].finish(self.index, &self.family, out);
        self.active = None;
        self.index += 1;
    }

    fn end(&mut self, out: &mut Writer) {
        let stop = self.stop.as_ref().map_or(Stop::End, OwnedStop::get);
        let delta = Ending::new(stop, self.called);
        let usage = (&self.usage).into();
        Line::MessageDelta { delta, usage }.write(out);
        Line::MessageStop {}.write(out);
    }

    fn place(&self, number: u32) -> Option<usize> {
        self.blocks.iter().position(|block| block.is(number))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
