//! Watches a Messages answer.

use super::usage::{Seen, Tokens};
use crate::fault;
use crate::loose::{List, Raw, Slot, Text, Truthy, loose};
use crate::meter::{Kind, Piece, Report};

loose! {
    /// An event of a stream, or the whole message: their members do not clash.
    struct Event<'a> {
        "type" => kind: Text<'a>,
        "message" => message: Slot<Message<'a>>,
        "content_block" => block: Slot<Block<'a>>,
        "delta" => delta: Slot<Delta<'a>>,
        "usage" => usage: Slot<Tokens<'a>>,
        "error" => error: Truthy,
        "model" => model: Text<'a>,
        "stop_reason" => stop: Text<'a>,
        "content" => content: List<Block<'a>>,
        "input_tokens" => counted: Truthy,
    }

    struct Message<'a> {
        "model" => model: Text<'a>,
        "usage" => usage: Slot<Tokens<'a>>,
        "content" => content: List<Block<'a>>,
        "stop_reason" => stop: Text<'a>,
    }

    struct Block<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "thinking" => thinking: Text<'a>,
        "content" => summary: Text<'a>,
        "input" => input: Raw<'a>,
    }

    struct Delta<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "thinking" => thinking: Text<'a>,
        "partial_json" => json: Text<'a>,
        "content" => summary: Text<'a>,
        "stop_reason" => stop: Text<'a>,
    }
}

/// What has to be remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: Seen,
}

impl Meter {
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let Ok(Slot(Some(event))) = serde_json::from_slice::<Slot<Event<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        let name = std::str::from_utf8(piece.name).unwrap_or("");
        let kind = if event.kind.0.is_empty() {
            name
        } else {
            &*event.kind.0
        };
        match kind {
            "message_start" => self.start(&event, report),
            "content_block_start" => {
                if let Some(block) = &event.block.0 {
                    block.open(report);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = &event.delta.0 {
                    delta.tell(report);
                }
            }
            "message_delta" => self.delta(&event, report),
            "message_stop" => report.terminal = true,
            "message" => self.whole(&event, report),
            "error" => report.fail(fault::read(200, piece.json)),
            "" if event.error.0 => report.fail(fault::read(200, piece.json)),
            // The answer of count_tokens.
            "" if piece.whole => report.content |= event.counted.0,
            _ => {}
        }
        Kind::Event
    }

    fn start(&mut self, event: &Event<'_>, report: &mut Report) {
        let Some(message) = &event.message.0 else {
            return;
        };
        report.answered_by(&message.model.0);
        // An answer that goes on after a programmatic call begins with blocks that are complete.
        contained(message.content.items(), report);
        report.stopped(&message.stop.0);
        if let Some(tokens) = &message.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(false, report);
        }
    }

    fn delta(&mut self, event: &Event<'_>, report: &mut Report) {
        if let Some(delta) = &event.delta.0 {
            report.stopped(&delta.stop.0);
        }
        if let Some(tokens) = &event.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(tokens.output.0.is_some(), report);
        }
    }

    fn whole(&mut self, event: &Event<'_>, report: &mut Report) {
        report.answered_by(&event.model.0);
        contained(event.content.items(), report);
        report.stopped(&event.stop.0);
        if let Some(tokens) = &event.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(tokens.output.0.is_some(), report);
        }
    }
}

/// Blocks that come complete.
fn contained(blocks: &[Block<'_>], report: &mut Report) {
    for block in blocks {
        block.open(report);
        if !block.is_result() {
            report.say(&block.input.spoken());
        }
    }
}

impl Block<'_> {
    /// What a block says when it begins; `input` is empty then, and its text comes as deltas.
    fn open(&self, report: &mut Report) {
        match &*self.kind.0 {
            "text" | "thinking" => {}
            "tool_use" => {
                report.tool_calls = report.tool_calls.saturating_add(1);
                report.content = true;
            }
            // Redacted thinking, and tools that the provider runs itself.
            _ => report.content = true,
        }
        if !self.is_result() {
            report.say(&self.text.0);
            report.say(&self.thinking.0);
            report.say(&self.summary.0);
        }
    }

    /// What a hosted tool found is no output of the model.
    fn is_result(&self) -> bool {
        self.kind.0.ends_with("_tool_result")
    }
}

impl Delta<'_> {
    fn tell(&self, report: &mut Report) {
        report.say(&self.text.0);
        report.say(&self.thinking.0);
        report.say(&self.json.0);
        report.say(&self.summary.0);
        let known = matches!(
            &*self.kind.0,
            "text_delta" | "thinking_delta" | "input_json_delta" | "signature_delta"
        );
        report.content |= !known;
    }
}
