//! What has to be remembered of a choice and its open blocks.

use crate::chat::said::Held;
use crate::convert::Back;
use crate::freetext::FreeText;
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
        /// A custom tool's text comes as it is, or in a stand-in's arguments.
        custom: Option<FreeText>,
        begun: bool,
        proof: Option<Signature<'static>>,
    },
    /// A tool that was forced for its schema: its arguments are the text.
    Json,
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
    pub(super) fn open(&mut self, kind: &BlockKind<'_>, back: &Back) -> Open {
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
            BlockKind::Tool { name, .. } if back.json_tool == Some(name) => Open::Json,
            BlockKind::Tool { name, kind, .. } => {
                self.held.calls = true;
                Open::Tool {
                    index: next(&mut self.calls),
                    custom: FreeText::of(name, *kind, back),
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

impl FreeText {
    /// For a call of a custom tool.
    fn of(name: &str, kind: ToolKind, back: &Back) -> Option<FreeText> {
        match kind {
            ToolKind::Custom => Some(FreeText::bare()),
            ToolKind::Function if back.custom.iter().any(|custom| custom == name) => {
                Some(FreeText::new())
            }
            ToolKind::Function => None,
        }
    }
}

fn next(count: &mut u32) -> u32 {
    let index = *count;
    *count += 1;
    index
}
