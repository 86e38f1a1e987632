//! Writes a streamed answer, event by event.
//!
//! OpenAI's SDKs merge the deltas of a stream: strings are joined, numbers added, and the entries
//! of lists are told apart by an integer `index`. So role, ids, types and names are sent once, and
//! every list counts its entries from 0.

mod block;
mod chunk;

use std::borrow::Cow;

use serde_json::value::RawValue;

use self::block::{Block, Choice, Open};
use self::chunk::{Chunks, text};
use super::detail::Entry;
use super::said::{Address, Annotation, Audio, Delta as Out, Image};
use crate::Format;
use crate::convert::Back;
use crate::fault::{self, Telling};
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Citation, Delta, Event, Stop, ToolKind, family};
use crate::media;
use crate::transcode::Envelope;

/// Citations of one block that are held until its end, where their stretch is known; further ones
/// are told at once.
const MAX_HELD_CITATIONS: usize = 64;

/// The machine: events in, the caller's stream out.
#[derive(Debug)]
pub(crate) struct Encoder {
    chunks: Chunks,
    /// Of the upstream's model.
    family: String,
    /// In order of their first event.
    choices: Vec<Choice>,
    open: Vec<Block>,
    /// The block of a call that has begun and was not told yet.
    begun: Option<u32>,
}

impl Encoder {
    pub(crate) fn new(envelope: &Envelope, back: &Back) -> Encoder {
        Encoder {
            chunks: Chunks::new(envelope, back.include_usage),
            family: family(&envelope.upstream_model).to_owned(),
            choices: Vec::new(),
            open: Vec::new(),
            begun: None,
        }
    }

    /// Writes what follows from the event; may hold back what depends on later ones.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Writer) {
        if self.begun.is_some() && self.begun != of(event) {
            self.pause(out);
        }
        match event {
            // The first chunk of all must be of choice 0.
            Event::Start { .. } => {
                self.choice(0, out);
            }
            Event::Open {
                block,
                choice,
                kind,
            } => self.open(*block, *choice, kind, out),
            Event::Delta { block, delta } => self.delta(*block, delta, out),
            Event::Close { block } => self.close(*block, out),
            Event::Stop { choice, stop } => self.stop(*choice, *stop, out),
            Event::Usage(usage) => self.chunks.usage(usage, out),
            Event::End => out.done(),
        }
    }

    /// The upstream said no more at once: tells the call that it began. One that came whole is told
    /// in one piece, with its proof, as Google does: most clients look for a proof there only.
    pub(crate) fn pause(&mut self, out: &mut Writer) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        if let Some(block) = self.open.iter_mut().find(|open| open.block == begun) {
            let index = self.choices[block.choice].index;
            block.call("", index, &self.chunks, &self.family, out);
        }
    }

    /// Ends a stream that broke off with an error, in the words of the format.
    pub(crate) fn fail(&mut self, telling: &Telling<'_>, out: &mut Writer) {
        let body = fault::body(Format::Chat, telling);
        // Our own JSON: it reads.
        if let Ok(error) = serde_json::from_slice::<&RawValue>(&body) {
            out.event("", &error);
        }
        // The SDKs raise at the error; this is for those who wait for the end.
        out.done();
    }

    /// The place of a choice; a new one begins with its role.
    fn choice(&mut self, index: u32, out: &mut Writer) -> usize {
        let known = self.choices.iter().position(|choice| choice.index == index);
        known.unwrap_or_else(|| {
            let role = Out {
                role: Some("assistant"),
                content: Some(""),
                ..Out::default()
            };
            self.chunks.delta(index, role, out);
            self.choices.push(Choice::new(index));
            self.choices.len() - 1
        })
    }

    fn open(&mut self, block: u32, choice: u32, kind: &BlockKind<'_>, out: &mut Writer) {
        let place = self.choice(choice, out);
        let choice = &mut self.choices[place];
        let open = choice.open(kind);
        if let BlockKind::Tool { .. } = kind {
            self.begun = Some(block);
        }
        if let BlockKind::Audio { id } = kind
            && !id.is_empty()
        {
            let audio = Audio {
                id: Some(id),
                ..Audio::default()
            };
            self.chunks.audio(choice.index, audio, out);
        }
        self.open.push(Block {
            block,
            choice: place,
            open,
        });
    }

    fn delta(&mut self, block: u32, delta: &Delta<'_>, out: &mut Writer) {
        let Some(open) = self.open.iter_mut().find(|open| open.block == block) else {
            return;
        };
        let (choice, chunks) = (&mut self.choices[open.choice], &mut self.chunks);
        match (&mut open.open, delta) {
            (Open::Text { .. }, Delta::Text(said)) => {
                choice.spoke(said);
                chunks.delta(choice.index, text(said), out);
            }
            (Open::Text { start, held }, Delta::Citation(citation)) => {
                if citation.span.is_none() && held.len() < MAX_HELD_CITATIONS {
                    held.push(citation.clone().into_owned());
                } else {
                    let around = (*start, choice.characters);
                    annotate(choice, chunks, citation, around, out);
                }
            }
            (Open::Text { .. }, Delta::Logprobs(entries)) => {
                chunks.logprobs(choice.index, entries, out);
            }
            (Open::Reasoning { entry, .. }, Delta::Text(said)) => {
                reason(choice, chunks, entry, said, out);
            }
            (Open::Reasoning { proof, .. } | Open::Tool { proof, .. }, Delta::Signature(new)) => {
                *proof = Some(new.clone().into_owned());
            }
            (Open::Refusal, Delta::Text(said)) => {
                choice.held.refusal = true;
                let refusal = Out {
                    refusal: Some(said),
                    ..Out::default()
                };
                chunks.delta(choice.index, refusal, out);
            }
            (Open::Tool { begun, .. }, Delta::Args(args)) => {
                *begun = true;
                self.begun = None;
                open.call(args, choice.index, chunks, &self.family, out);
            }
            (Open::Image { index, mime }, Delta::Data(data)) => {
                let mime = index.is_none().then_some(&**mime);
                let index = *index.get_or_insert_with(|| choice.next_image());
                picture(choice, chunks, index, mime, data, out);
            }
            (Open::Audio, Delta::Data(data)) => {
                let audio = Audio {
                    data: Some(data),
                    ..Audio::default()
                };
                chunks.audio(choice.index, audio, out);
            }
            (Open::Audio, Delta::Text(words)) => {
                let audio = Audio {
                    transcript: Some(words),
                    ..Audio::default()
                };
                chunks.audio(choice.index, audio, out);
            }
            _ => {}
        }
    }

    fn close(&mut self, block: u32, out: &mut Writer) {
        let Some(place) = self.open.iter().position(|open| open.block == block) else {
            return;
        };
        let mut block = self.open.remove(place);
        let (choice, chunks) = (&mut self.choices[block.choice], &mut self.chunks);
        match block.open {
            Open::Text { start, held } => {
                let around = (start, choice.characters);
                for citation in &held {
                    annotate(choice, chunks, citation, around, out);
                }
            }
            Open::Reasoning {
                entry,
                proof: Some(proof),
            } => prove(choice, chunks, entry, &proof.wrap(&self.family), out),
            Open::Tool {
                begun,
                kind,
                ref head,
                ref proof,
                ..
            } => {
                self.begun = None;
                let nothing = !begun && kind == ToolKind::Function;
                if nothing || head.is_some() || proof.is_some() {
                    let args = if nothing { "{}" } else { "" };
                    block.call(args, choice.index, chunks, &self.family, out);
                }
            }
            _ => {}
        }
    }

    fn stop(&mut self, choice: u32, stop: Stop<'_>, out: &mut Writer) {
        let place = self.choice(choice, out);
        let choice = &mut self.choices[place];
        if let Stop::Filter {
            explanation: Some(explanation),
            ..
        } = stop
            && !choice.held.refusal
        {
            let refusal = Out {
                refusal: Some(explanation),
                ..Out::default()
            };
            self.chunks.delta(choice.index, refusal, out);
        }
        self.chunks.finish(choice.index, stop, choice.held, out);
    }
}

/// The block that an event is of.
fn of(event: &Event<'_>) -> Option<u32> {
    match event {
        Event::Delta { block, .. } | Event::Close { block } => Some(*block),
        _ => None,
    }
}

fn annotate(
    choice: &mut Choice,
    chunks: &mut Chunks,
    citation: &Citation<'_>,
    around: (u64, u64),
    out: &mut Writer,
) {
    let index = choice.annotations;
    choice.annotations += 1;
    let delta = Out {
        annotations: Some([Annotation::new(citation, around, Some(index))]),
        ..Out::default()
    };
    chunks.delta(choice.index, delta, out);
}

/// A piece of an image; `mime` with the first one.
fn picture(
    choice: &Choice,
    chunks: &Chunks,
    index: u32,
    mime: Option<&str>,
    data: &str,
    out: &mut Writer,
) {
    let url = match mime {
        Some(mime) => Cow::Owned(media::to_data_url(mime, data)),
        None => Cow::Borrowed(data),
    };
    let image = Image {
        index,
        kind: mime.map(|_| "image_url"),
        image_url: Address { url: &url },
    };
    let delta = Out {
        images: Some([image]),
        ..Out::default()
    };
    chunks.delta(choice.index, delta, out);
}

/// Reasoning is told twice in one delta: as the text that most clients show, and as the entry
/// that a client replays together with its proof, which must be about exactly this text.
fn reason(
    choice: &mut Choice,
    chunks: &mut Chunks,
    entry: &mut Option<u32>,
    said: &str,
    out: &mut Writer,
) {
    let first = entry.is_none();
    let index = *entry.get_or_insert_with(|| choice.next_detail());
    let joined;
    let shown = if first && choice.reasoned {
        joined = format!("\n\n{said}");
        &joined
    } else {
        said
    };
    choice.reasoned = true;
    let mut entry = Entry::text(index, said, None);
    if !first {
        entry.kind = None;
    }
    let delta = Out {
        reasoning_content: Some(shown),
        reasoning_details: Some([entry]),
        ..Out::default()
    };
    chunks.delta(choice.index, delta, out);
}

fn prove(
    choice: &mut Choice,
    chunks: &mut Chunks,
    entry: Option<u32>,
    wrapped: &str,
    out: &mut Writer,
) {
    let entry = match entry {
        Some(index) => Entry::signed(index, wrapped),
        None => Entry::encrypted(choice.next_detail(), wrapped),
    };
    let delta = Out {
        reasoning_details: Some([entry]),
        ..Out::default()
    };
    chunks.delta(choice.index, delta, out);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
