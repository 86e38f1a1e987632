//! An answer as it comes: the events that every decoder gives and every encoder takes.
//!
//! Grammar: `Start`, then for each block `Open Delta* Close` (blocks may overlap; numbers count up
//! from 0 in order of `Open` and are never used again), then one `Stop` for each choice when all its
//! blocks are closed, then at most one `Usage`, then `End`. A stream that breaks off ends anywhere.

use super::{Citation, Signature, Stop, ToolKind};
use crate::{Format, Usage};

/// One step of an answer. Texts are borrowed from the frame they came in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// The answer begins. Id and model are the upstream's, and may be empty.
    Start { id: &'a str, model: &'a str },
    /// A block of a choice begins.
    Open {
        block: u32,
        choice: u32,
        kind: BlockKind<'a>,
    },
    /// More of a block that is open.
    Delta { block: u32, delta: Delta<'a> },
    /// A block is complete.
    Close { block: u32 },
    /// Why a choice ended.
    Stop { choice: u32, stop: Stop<'a> },
    /// What the answer used. From the meter, not from the decoders.
    Usage(&'a Usage),
    /// The answer is complete.
    End,
}

/// What a block holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BlockKind<'a> {
    Text,
    Reasoning,
    /// The model declines, in its own words.
    Refusal,
    /// A call of a tool of the caller's.
    Tool {
        /// Never empty: minted where the upstream has none.
        id: &'a str,
        name: &'a str,
        kind: ToolKind,
    },
    /// An image the model made; its bytes come as `Data`.
    Image {
        mime: &'a str,
    },
    /// Sound the model made; bytes as `Data`, words as `Text`. Id as the upstream named it.
    Audio {
        id: &'a str,
    },
    /// A step of a tool that the provider ran itself: raw JSON of the upstream's format. Nothing
    /// but its own format can show it.
    Server {
        origin: Format,
        raw: &'a str,
    },
}

/// More of a block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Delta<'a> {
    /// Of a text, reasoning, refusal or audio (transcript) block; never empty.
    Text(&'a str),
    /// Of a tool block: the next piece of the arguments' text; never empty.
    Args(&'a str),
    /// Of a reasoning or tool block: the proof that goes with it. A later one replaces it.
    Signature(Signature<'a>),
    /// Of a text block.
    Citation(Citation<'a>),
    /// Of an image or audio block: the next piece of base64.
    Data(&'a str),
    /// Of a text block: raw JSON array of log probabilities in chat's shape (`content` entries).
    Logprobs(&'a str),
}
