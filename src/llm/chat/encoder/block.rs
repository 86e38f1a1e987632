//! What has to be remembered of a choice and its open blocks.

use crate::chat::said::Held;
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
            BlockKind::Tool { kind, .. } => {
                self.held.calls = true;
                Open::Tool {
                    index: next(&mut self.calls),
                    kind: *kind,
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
