//! Reads an answer, whole or streamed, into events.

mod blocks;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stdout)]
mod recorded;
mod sent;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use blocks::{Blocks, Each, Held, REASONING_TEXT, Spot};

use crate::Format;
use crate::dialect::Quirks;
use crate::ir::{BlockKind, Event, Origin, Signature, Stop, ToolKind};
use crate::loose::{self, Slot};
use crate::meter::Piece;
use crate::responses::heard::{Item, Part, Response, Step, Written, parts};

/// The machine: pieces of an answer in, events out.
#[derive(Debug)]
pub(crate) struct Decoder {
    started: bool,
    stopped: bool,
    blocks: Blocks,
}

/// Whether an event brings a piece of a part or the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tense {
    More,
    Full,
}

/// What an event of that type brings.
fn brings(kind: &str) -> Option<(Held, Tense)> {
    use Held::{Call, Reasoning, Refusal, Text};
    use Tense::{Full, More};
    Some(match kind {
        "response.output_text.delta" => (Text, More),
        "response.output_text.done" => (Text, Full),
        "response.refusal.delta" => (Refusal, More),
        "response.refusal.done" => (Refusal, Full),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            (Reasoning, More)
        }
        "response.reasoning_summary_text.done" | "response.reasoning_text.done" => {
            (Reasoning, Full)
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            (Call, More)
        }
        "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
            (Call, Full)
        }
        _ => return None,
    })
}

impl Decoder {
    /// For the answer to the request of that id.
    pub(crate) fn new(_quirks: Quirks, request: &str) -> Decoder {
        Decoder {
            started: false,
            stopped: false,
            blocks: Blocks::new(request),
        }
    }

    /// Reads one event of a stream, or a whole answer; `true` when nothing more of it is to come.
    /// What it does not know, it leaves out; errors are the meter's to see.
    pub(crate) fn push(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Event<'_>)) -> bool {
        match loose::json::<Slot<Step<'_>>>(piece.json) {
            Some(Slot(Some(step))) => self.take(&step, piece, each),
            _ => self.stopped,
        }
    }

    /// The same, of what was read already.
    pub(crate) fn take(
        &mut self,
        step: &Step<'_>,
        piece: Piece<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> bool {
        self.stopped || self.step(step, piece, each)
    }

    /// The answer came to its end: closes what is open and says why each choice stopped. Not called
    /// for an answer that broke off.
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        // Where nothing was read, there is no answer.
        if self.started {
            self.stop(Stop::End, each);
        }
    }

    fn step(&mut self, step: &Step<'_>, piece: Piece<'_>, each: Each<'_>) -> bool {
        let kind = match &*step.kind.0 {
            "" => std::str::from_utf8(piece.name).unwrap_or(""),
            kind => kind,
        };
        let response = step.response.0.as_deref();
        let written = Written::new(piece);
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.start(response.unwrap_or(&Response::default()), each);
            }
            "response.completed" | "response.incomplete" => {
                self.end(response.unwrap_or(&Response::default()), &written, each);
            }
            "error" | "response.failed" => {}
            "" if step.object.0 == "response" => self.end(&step.whole, &written, each),
            "" => {}
            kind => self.item(kind, step, &written, each),
        }
        self.stopped
    }

    fn start(&mut self, response: &Response<'_>, each: Each<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            each(Event::Start {
                id: &response.id.0,
                model: &response.model.0,
            });
        }
    }

    /// A response object that is as complete as it will be. Its items were all heard before,
    /// unless the server streams none, or leaves some unfinished, or the answer is whole.
    fn end(&mut self, response: &Response<'_>, written: &Written<'_>, each: Each<'_>) {
        self.start(response, each);
        let unheard = self.blocks.is_empty();
        for (index, item) in response.output.items().iter().enumerate() {
            let place = match unheard {
                true => self.blocks.register(None, &item.id.0),
                false => self.blocks.unfinished(index as u64),
            };
            if let Some(place) = place {
                self.item_done(place, item, (written, index), each);
            }
        }
        self.stop(response.stop(), each);
    }

    fn stop(&mut self, stop: Stop<'_>, each: Each<'_>) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.blocks.close_all(each);
        let stop = match stop.with_tools(self.blocks.called) {
            Stop::End if self.blocks.refused => Stop::Refusal,
            stop => stop,
        };
        each(Event::Stop { choice: 0, stop });
    }

    fn item(&mut self, kind: &str, step: &Step<'_>, written: &Written<'_>, each: Each<'_>) {
        let index = step.output_index.0;
        let none = Item::default();
        let item = step.item.0.as_deref().unwrap_or(&none);
        match kind {
            "response.output_item.added" => {
                self.start(&Response::default(), each);
                if let Some(place) = self.blocks.item(index, &item.id.0) {
                    self.call(place, item, each);
                }
            }
            "response.output_item.done" => {
                self.start(&Response::default(), each);
                if let Some(place) = self.blocks.item(index, &item.id.0) {
                    self.item_done(place, item, (written, 0), each);
                }
            }
            "response.content_part.added"
            | "response.content_part.done"
            | "response.reasoning_summary_part.done"
            | "response.output_text.annotation.added"
            | "response.output_text_annotation.added" => self.part(kind, step, each),
            kind => {
                if let Some((held, tense)) = brings(kind) {
                    self.said(kind, held, tense, step, each);
                }
            }
        }
    }

    /// A piece of an item's text, or all of it.
    fn said(&mut self, kind: &str, held: Held, tense: Tense, step: &Step<'_>, each: Each<'_>) {
        self.start(&Response::default(), each);
        let Some(item) = self.blocks.item(step.output_index.0, &step.item_id.0) else {
            return;
        };
        let behind = kind.starts_with("response.reasoning_text");
        let part = match held {
            Held::Call => 0,
            _ => step.part_index.0.unwrap_or(0) + if behind { REASONING_TEXT } else { 0 },
        };
        let spot = Spot { item, held, part };
        match tense {
            Tense::More => self.blocks.more(spot, &step.delta.0, each),
            Tense::Full => self.blocks.full(spot, step.full.written(), each),
        }
        if held == Held::Text && tense == Tense::More {
            let logprobs = step.logprobs.0.map_or("", |raw| raw.get());
            self.blocks.logprobs(spot, logprobs, each);
        }
    }

    /// What is told of a part as such.
    fn part(&mut self, kind: &str, step: &Step<'_>, each: Each<'_>) {
        self.start(&Response::default(), each);
        let Some(item) = self.blocks.item(step.output_index.0, &step.item_id.0) else {
            return;
        };
        let part = step.part_index.0.unwrap_or(0);
        let held = step.part.0.as_deref().map_or(Some(Held::Text), holds);
        let Some(held) = held else {
            return;
        };
        let summary = kind.starts_with("response.reasoning_summary");
        let held = if summary { Held::Reasoning } else { held };
        let behind = held == Held::Reasoning && !summary;
        let part = part + if behind { REASONING_TEXT } else { 0 };
        let spot = Spot { item, held, part };
        if let Some(annotation) = &step.annotation.0 {
            self.blocks.cite(spot, annotation, each);
        }
        if let Some(part) = &step.part.0 {
            self.blocks.part(spot, part, each);
        }
        if kind == "response.content_part.done" && held != Held::Reasoning {
            self.blocks.close_part(spot, each);
        }
    }

    fn call(&mut self, place: usize, item: &Item<'_>, each: Each<'_>) {
        let kind = match &*item.kind.0 {
            "function_call" => ToolKind::Function,
            "custom_tool_call" => ToolKind::Custom,
            _ => return,
        };
        let call = (item.call(), &*item.name.0, kind);
        self.blocks.call(place, call, each);
    }

    /// An item with all it has: what of it was not heard before is said now.
    fn item_done(
        &mut self,
        place: usize,
        item: &Item<'_>,
        (written, index): (&Written<'_>, usize),
        each: Each<'_>,
    ) {
        match &*item.kind.0 {
            "message" => self.message(place, item, each),
            "reasoning" => self.reasoning(place, item, each),
            "function_call" | "custom_tool_call" => {
                self.call(place, item, each);
                let spot = Spot {
                    item: place,
                    held: Held::Call,
                    part: 0,
                };
                self.blocks.full(spot, item.args.written(), each);
            }
            "image_generation_call" if !item.result.0.is_empty() => {
                let mime = match &*item.output_format.0 {
                    "jpeg" => "image/jpeg",
                    "webp" => "image/webp",
                    _ => "image/png",
                };
                let kind = BlockKind::Image { mime };
                self.blocks.whole(kind, &item.result.0, each);
            }
            "" => {}
            _ => {
                let kind = BlockKind::Server {
                    origin: Format::Responses,
                    raw: written.item(index),
                };
                self.blocks.whole(kind, "", each);
            }
        }
        self.blocks.close_item(place, each);
    }

    fn message(&mut self, item: usize, message: &Item<'_>, each: Each<'_>) {
        for (part, said) in (0..).zip(parts(&message.content).items()) {
            if let Some(held @ (Held::Text | Held::Refusal)) = holds(said) {
                self.blocks.part(Spot { item, held, part }, said, each);
            }
        }
    }

    fn reasoning(&mut self, item: usize, reasoning: &Item<'_>, each: Each<'_>) {
        let (summary, content) = (parts(&reasoning.summary), parts(&reasoning.content));
        let summary = (0..).zip(summary.items());
        let content = (REASONING_TEXT..).zip(content.items());
        for (part, said) in summary.chain(content) {
            let held = Held::Reasoning;
            self.blocks
                .full(Spot { item, held, part }, &said.text.0, each);
        }
        let data = &*reasoning.encrypted.0;
        if data.is_empty() {
            return;
        }
        let mut proof = Signature::native(Origin::Responses, data);
        proof.id = (!reasoning.id.0.is_empty()).then(|| reasoning.id.0.as_ref().into());
        self.blocks.proof(item, proof, each);
    }
}

/// What a part is of.
fn holds(part: &Part<'_>) -> Option<Held> {
    match &*part.kind.0 {
        "output_text" | "text" | "" => Some(Held::Text),
        "refusal" => Some(Held::Refusal),
        "reasoning_text" | "summary_text" => Some(Held::Reasoning),
        _ => None,
    }
}
