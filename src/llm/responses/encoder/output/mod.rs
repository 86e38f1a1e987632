//! The output items of an answer: opened, grown and closed, each step told in the stream.

mod message;

use super::super::object::{Body, Item, Shell, Status, Summary};
use super::voice::{Voice, Wire, WirePart};
use crate::frame::write::Writer;
use crate::ir::{Signature, hide};

/// Bytes of an answer that are kept for its `…done` events and its final object: the format demands
/// them whole. Of a longer answer the deltas of open items still go out, but they are not repeated,
/// no item is added any more, and the answer ends as incomplete (`max_output_tokens`).
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// What an item without any text costs.
const ITEM_BYTES: usize = 256;

/// The items so far.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) items: Vec<Item>,
    pub(super) voice: Voice,
    /// The message that is open.
    message: Option<usize>,
    /// Code points of text so far.
    chars: u64,
    kept: usize,
    /// The most of it, in bytes.
    limit: usize,
}

impl Output {
    /// For a stream.
    pub(super) fn new() -> Output {
        Output {
            items: Vec::new(),
            voice: Voice::new(false),
            message: None,
            chars: 0,
            kept: 0,
            limit: MAX_KEPT_BYTES,
        }
    }

    /// For an answer that is there already, and writes nothing; whoever gathered it has bounded it.
    pub(super) fn mute() -> Output {
        Output {
            voice: Voice::new(true),
            limit: usize::MAX,
            ..Output::new()
        }
    }

    /// Whether more came than is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.kept > self.limit
    }

    /// Whether so much more may be kept.
    fn keeps(&mut self, bytes: usize) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        !self.is_cut()
    }

    /// A new item; none when there is no room for it.
    pub(super) fn add(&mut self, shell: &Shell, body: Body, out: &mut Writer) -> Option<usize> {
        if !matches!(body, Body::Message(_)) {
            self.close_message(Status::Completed, out);
        }
        if !self.keeps(ITEM_BYTES + body.size()) {
            return None;
        }
        let index = self.items.len();
        self.items.push(Item {
            id: shell.item_id(body.prefix(), index),
            status: Status::InProgress,
            body,
        });
        self.tell(index, "response.output_item.added", out);
        Some(index)
    }

    /// An item is complete; not so, if some of it may not have been kept.
    pub(super) fn done(&mut self, index: usize, status: Status, out: &mut Writer) {
        let cut = self.is_cut();
        if let Some(item) = self.items.get_mut(index) {
            item.status = if cut { Status::Incomplete } else { status };
            self.tell(index, "response.output_item.done", out);
        }
    }

    fn tell(&mut self, index: usize, kind: &str, out: &mut Writer) {
        let wire = Wire {
            output_index: Some(index),
            item: self.items.get(index),
            ..Wire::default()
        };
        self.voice.say(kind, wire, out);
    }

    /// More of the summary of a reasoning item.
    pub(super) fn think(&mut self, index: usize, more: &str, out: &mut Writer) {
        let keep = self.keeps(more.len());
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        let Body::Reasoning { text, begun, .. } = &mut item.body else {
            return;
        };
        if !std::mem::replace(begun, true) {
            let wire = Wire {
                summary_index: Some(0),
                part: Some(WirePart::Summary(Summary { text: "" })),
                ..at(&item.id, index)
            };
            self.voice
                .say("response.reasoning_summary_part.added", wire, out);
        }
        if keep {
            text.push_str(more);
        }
        let wire = Wire {
            summary_index: Some(0),
            delta: Some(more),
            ..at(&item.id, index)
        };
        self.voice
            .say("response.reasoning_summary_text.delta", wire, out);
    }

    /// More of reasoning that the caller did not ask to see.
    pub(super) fn think_silently(&mut self, index: usize, more: &str) {
        let keep = self.keeps(more.len());
        if let Some(Body::Reasoning { text, .. }) = self.body(index).filter(|_| keep) {
            text.push_str(more);
        }
    }

    /// The proof of a reasoning item.
    pub(super) fn prove(&mut self, index: usize, proof: String) {
        let room = self.keeps(proof.len());
        if let Some(Body::Reasoning { encrypted, .. }) = self.body(index) {
            *encrypted = Some(proof).filter(|_| room);
        }
    }

    /// A reasoning item is complete. One without a proof is marked, so that its replay is known for
    /// what it is: OpenAI looks for an item that it does not have. What was not shown goes along
    /// with the proof.
    pub(super) fn thought(&mut self, index: usize, out: &mut Writer) {
        if let Some(Body::Reasoning {
            text,
            begun,
            encrypted,
        }) = self.body(index)
        {
            let none = || Signature::none().wrap("");
            let proof = encrypted.get_or_insert_with(none);
            if !*begun && !text.is_empty() {
                *proof = hide(&std::mem::take(text), proof).unwrap_or_else(none);
            }
        }
        let Some(item) = self.items.get(index) else {
            return;
        };
        if let Body::Reasoning {
            text, begun: true, ..
        } = &item.body
        {
            let wire = Wire {
                summary_index: Some(0),
                text: Some(text),
                ..at(&item.id, index)
            };
            self.voice
                .say("response.reasoning_summary_text.done", wire, out);
            let wire = Wire {
                summary_index: Some(0),
                part: Some(WirePart::Summary(Summary { text })),
                ..at(&item.id, index)
            };
            self.voice
                .say("response.reasoning_summary_part.done", wire, out);
        }
        self.done(index, Status::Completed, out);
    }

    /// More of a call's arguments.
    pub(super) fn args(&mut self, index: usize, more: &str, out: &mut Writer) {
        let keep = self.keeps(more.len());
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        let Body::Call { custom, args, .. } = &mut item.body else {
            return;
        };
        if keep {
            args.push_str(more);
        }
        let wire = Wire {
            delta: Some(more),
            ..at(&item.id, index)
        };
        let kind = match custom {
            true => "response.custom_tool_call_input.delta",
            false => "response.function_call_arguments.delta",
        };
        self.voice.say(kind, wire, out);
    }

    /// A call is complete.
    pub(super) fn called(&mut self, index: usize, status: Status, out: &mut Writer) {
        let Some(item) = self.items.get(index) else {
            return;
        };
        let Body::Call {
            name, custom, args, ..
        } = &item.body
        else {
            return;
        };
        let wire = Wire {
            name: (!custom).then_some(name),
            arguments: (!custom).then_some(args),
            input: custom.then_some(args),
            ..at(&item.id, index)
        };
        let kind = match custom {
            true => "response.custom_tool_call_input.done",
            false => "response.function_call_arguments.done",
        };
        self.voice.say(kind, wire, out);
        self.done(index, status, out);
    }

    /// More of an image.
    pub(super) fn paint(&mut self, index: usize, more: &str) {
        let room = self.keeps(more.len());
        if let Some(Body::Image { base64 }) = self.body(index).filter(|_| room) {
            base64.push_str(more);
        }
    }

    /// Items that never came to their end, in the object of an answer that broke off.
    pub(super) fn break_off(&mut self) {
        for item in &mut self.items {
            if item.status == Status::InProgress {
                item.status = Status::Incomplete;
            }
        }
    }

    fn body(&mut self, index: usize) -> Option<&mut Body> {
        self.items.get_mut(index).map(|item| &mut item.body)
    }
}

fn at(item_id: &str, index: usize) -> Wire<'_> {
    Wire {
        item_id: Some(item_id),
        output_index: Some(index),
        ..Wire::default()
    }
}
