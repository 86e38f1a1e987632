//! The events of a stream.

use serde::Serialize;

use crate::frame::write::Writer;
use crate::messages::answer::{Block, Ending, Message, Tokens};

/// An event.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: u32,
        content_block: Block<'a>,
    },
    ContentBlockDelta {
        index: u32,
        delta: More<'a>,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: Ending<'a>,
        usage: Tokens,
    },
    MessageStop {},
}

/// More of a block.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum More<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: &'a str },
}

impl Line<'_> {
    /// Writes the event with its name: Anthropic's SDKs read no other.
    pub(super) fn write(&self, out: &mut Writer) {
        let name = match self {
            Line::MessageStart { .. } => "message_start",
            Line::ContentBlockStart { .. } => "content_block_start",
            Line::ContentBlockDelta { .. } => "content_block_delta",
            Line::ContentBlockStop { .. } => "content_block_stop",
            Line::MessageDelta { .. } => "message_delta",
            Line::MessageStop {} => "message_stop",
        };
        out.event(name, self);
    }
}
