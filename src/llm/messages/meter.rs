//! Watches a Messages answer.

use super::heard::{Delta, Part, Step};
use super::usage::Seen;
use crate::fault;
use crate::loose::{self, Kept, Slot};
use crate::meter::{Kind, Piece, Report};

/// What has to be remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: Seen,
}

impl Meter {
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let Some(Slot(Some(step))) = loose::json::<Slot<Step<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        self.take(&step, piece, report)
    }

    /// The same, of what was read already.
    pub(crate) fn take(&mut self, step: &Step<'_>, piece: Piece<'_>, report: &mut Report) -> Kind {
        let name = std::str::from_utf8(piece.name).unwrap_or("");
        let kind = if step.kind.0.is_empty() {
            name
        } else {
            &*step.kind.0
        };
        match kind {
            "message_start" => self.start(step, report),
            "content_block_start" if step.block.json.starts_with('{') => {
                step.block.object.open(report);
            }
            "content_block_delta" => {
                if let Some(delta) = &step.delta.0 {
                    delta.tell(report);
                }
            }
            "message_delta" => self.delta(step, report),
            "message_stop" => report.terminal = true,
            "message" => self.whole(step, report),
            "error" => report.fail(fault::read(200, piece.json)),
            "" if step.error.0 => report.fail(fault::read(200, piece.json)),
            // The answer of count_tokens.
            "" if piece.whole => report.content |= step.counted.0,
            _ => {}
        }
        Kind::Event
    }

    fn start(&mut self, step: &Step<'_>, report: &mut Report) {
        let Some(message) = &step.message.0 else {
            return;
        };
        report.answered_by(&message.model.0);
        // An answer that goes on after a programmatic call begins with blocks that are complete.
        contained(&message.content.0, report);
        report.stopped(&message.stop.0);
        if let Some(tokens) = &message.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(false, report);
        }
    }

    fn delta(&mut self, step: &Step<'_>, report: &mut Report) {
        if let Some(delta) = &step.delta.0 {
            report.stopped(&delta.stop.0);
        }
        if let Some(tokens) = &step.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(tokens.output.0.is_some(), report);
        }
    }

    fn whole(&mut self, step: &Step<'_>, report: &mut Report) {
        report.answered_by(&step.model.0);
        contained(&step.content.0, report);
        report.stopped(&step.stop.0);
        if let Some(tokens) = &step.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(tokens.output.0.is_some(), report);
        }
    }
}

/// Blocks that come complete.
fn contained(blocks: &[Kept<'_, Part<'_>>], report: &mut Report) {
    for Kept { object: block, .. } in blocks {
        block.open(report);
        if !block.is_result() {
            report.say(block.input.written());
        }
    }
}

impl Part<'_> {
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
