//! What has to be remembered of a choice and its open blocks.

use super::chunk::Chunks;
use crate::chat::said::{Call, Extra, Held};
use crate::frame::write::Writer;
use crate::ir::{BlockKind, Citation, Signature, ToolKind};

/// A choice that began.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    /// Unicode code points of text so far.
    pub(super) characters: u64,
    /// Entries so far of each list.
    calls: u32,
    images: u32,
    details: u32,
    pub(super) annotations: u32,
    /// Reasoning was shown.
    pub(super) reasoned: bool,
    pub(super) held: Held,
}

/// A block that is open.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) block: u32,
    /// Its choice's place.
    pub(super) choice: usize,
    pub(super) open: Open,
}

#[derive(Debug)]
pub(super) enum Open {
    Text {
        /// Where it begins in the choice's text.
        start: u64,
        /// Citations whose stretch is the block.
        held: Vec<Citation<'static>>,
    },
    Reasoning {
        /// Its index among the entries of `reasoning_details`, once it has one.
        entry: Option<u32>,
        proof: Option<Signature<'static>>,
    },
    Refusal,
    Tool {
        index: u32,
        kind: ToolKind,
        /// Id and name, until they are told.
        head: Option<(String, String)>,
        /// Something of the arguments was told.
        begun: bool,
        proof: Option<Signature<'static>>,
    },
    Image {
        /// Once its first bytes came.
        index: Option<u32>,
        mime: String,
    },
    Audio,
    /// What chat cannot show.
    Nothing,
}

impl Block {
    /// Tells a piece of a call: with id and name where it is the first, and with the proof that came.
    pub(super) fn call(
        &mut self,
        args: &str,
        choice: u32,
        chunks: &Chunks,
        family: &str,
        out: &mut Writer,
    ) {
        let Open::Tool {
            index,
            kind,
            head,
            proof,
            ..
        } = &mut self.open
        else {
            return;
        };
        let (head, proof) = (head.take(), proof.take());
        let wrapped = proof.map(|proof| proof.wrap(family));
        // OpenAI's own stream helper fails on a piece of a call without its function.
        let piece = match &head {
            Some((id, name)) => Call::head(*index, id, name, args, *kind),
            None => Call::more(*index, *kind, args),
        };
        let call = Call {
            extra_content: wrapped.as_deref().map(Extra::new),
            ..piece
        };
        chunks.call(choice, call, out);
    }
}

impl Choice {
    pub(super) fn new(index: u32) -> Choice {
        Choice {
            index,
            characters: 0,
            calls: 0,
            images: 0,
            details: 0,
            annotations: 0,
            reasoned: false,
            held: Held::default(),
        }
    }

    /// Begins a block.
    pub(super) fn open(&mut self, kind: &BlockKind<'_>) -> Open {
        match kind {
            BlockKind::Text => Open::Text {
                start: self.characters,
                held: Vec::new(),
            },
            BlockKind::Reasoning => Open::Reasoning {
                entry: None,
                proof: None,
            },
            BlockKind::Refusal => Open::Refusal,
            BlockKind::Tool { id, name, kind } => {
                self.held.calls = true;
                Open::Tool {
                    index: next(&mut self.calls),
                    kind: *kind,
                    head: Some(((*id).to_owned(), (*name).to_owned())),
                    begun: false,
                    proof: None,
                }
            }
            BlockKind::Image { mime } => Open::Image {
                index: None,
                mime: (*mime).to_owned(),
            },
            BlockKind::Audio { .. } => Open::Audio,
            BlockKind::Server { .. } => Open::Nothing,
        }
    }

    /// Text came.
    pub(super) fn spoke(&mut self, text: &str) {
        self.held.text = true;
        self.characters += text.chars().count() as u64;
    }

    /// The index of the next image.
    pub(super) fn next_image(&mut self) -> u32 {
        next(&mut self.images)
    }

    /// The index of the next entry of `reasoning_details`.
    pub(super) fn next_detail(&mut self) -> u32 {
        next(&mut self.details)
    }
}

fn next(count: &mut u32) -> u32 {
    let index = *count;
    *count += 1;
    index
}
