//! The output items of an answer: opened, grown and closed, each step told in the stream.

use super::super::object::{Body, Item, Note, Part, Shell, Status, Summary};
use super::voice::{Entries, Voice, Wire, WirePart};
use crate::frame::write::Writer;
use crate::ir::Citation;

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
}

impl Output {
    pub(super) fn new(mute: bool) -> Output {
        Output {
            items: Vec::new(),
            voice: Voice::new(mute),
            message: None,
            chars: 0,
            kept: 0,
        }
    }

    /// Whether more came than is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.kept > MAX_KEPT_BYTES
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
        if !self.keeps(ITEM_BYTES) {
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

    /// An item is complete.
    pub(super) fn done(&mut self, index: usize, status: Status, out: &mut Writer) {
        if let Some(item) = self.items.get_mut(index) {
            item.status = status;
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

    /// More text of the message, which is opened if there is none.
    pub(super) fn text(&mut self, shell: &Shell, refusal: bool, text: &str, out: &mut Writer) {
        let open = self.message;
        let Some(index) = open.or_else(|| self.add(shell, Body::Message(Vec::new()), out)) else {
            return;
        };
        self.message = Some(index);
        self.turn_to(index, refusal, out);
        let keep = self.keeps(text.len());
        if !refusal {
            self.chars += text.chars().count() as u64;
        }
        let Some((id, parts)) = self.items.get_mut(index).and_then(message) else {
            return;
        };
        let content = parts.len().saturating_sub(1);
        if let Some(part) = parts.last_mut().filter(|_| keep) {
            part.text.push_str(text);
        }
        let wire = Wire {
            content_index: Some(content),
            delta: Some(text),
            logprobs: (!refusal).then_some(Entries::None([])),
            ..at(id, index)
        };
        let kind = match refusal {
            true => "response.refusal.delta",
            false => "response.output_text.delta",
        };
        self.voice.say(kind, wire, out);
    }

    /// Sees to it that the last part of the message is of that kind.
    fn turn_to(&mut self, index: usize, refusal: bool, out: &mut Writer) {
        let base = self.chars;
        let Some((_, parts)) = self.items.get_mut(index).and_then(message) else {
            return;
        };
        match parts.last() {
            Some(last) if last.refusal == refusal => return,
            Some(_) => self.close_part(index, out),
            None => {}
        }
        let Some((id, parts)) = self.items.get_mut(index).and_then(message) else {
            return;
        };
        parts.push(Part {
            refusal,
            base,
            ..Part::default()
        });
        let wire = Wire {
            content_index: Some(parts.len() - 1),
            part: parts.last().map(WirePart::Message),
            ..at(id, index)
        };
        self.voice.say("response.content_part.added", wire, out);
    }

    /// A source of the text that is open.
    pub(super) fn cite(&mut self, citation: &Citation<'_>, out: &mut Writer) {
        let room = self.keeps(citation.url.len() + ITEM_BYTES);
        let index = self.message.filter(|_| room);
        let Some((index, (id, parts))) =
            index.and_then(|index| Some((index, message(self.items.get_mut(index)?)?)))
        else {
            return;
        };
        let content = parts.len().saturating_sub(1);
        let Some(part) = parts.last_mut().filter(|part| !part.refusal) else {
            return;
        };
        part.notes.push(note(part.base, self.chars, citation));
        let wire = Wire {
            content_index: Some(content),
            annotation_index: Some(part.notes.len() - 1),
            annotation: part.notes.last(),
            ..at(id, index)
        };
        self.voice
            .say("response.output_text.annotation.added", wire, out);
    }

    /// Log probabilities of the text that is open: a JSON array.
    pub(super) fn logprobs(&mut self, entries: &str) {
        let inside = entries.trim();
        let inside = inside.strip_prefix('[').unwrap_or(inside);
        let inside = inside.strip_suffix(']').unwrap_or(inside).trim();
        let room = self.keeps(inside.len());
        let index = self.message.filter(|_| room && !inside.is_empty());
        let parts = index.and_then(|index| message(self.items.get_mut(index)?));
        if let Some(part) = parts.and_then(|(_, parts)| parts.last_mut()) {
            if !part.logprobs.is_empty() {
                part.logprobs.push(',');
            }
            part.logprobs.push_str(inside);
        }
    }

    /// The message that is open is complete.
    pub(super) fn close_message(&mut self, status: Status, out: &mut Writer) {
        if let Some(index) = self.message.take() {
            self.close_part(index, out);
            self.done(index, status, out);
        }
    }

    /// The last part of a message is complete.
    fn close_part(&mut self, index: usize, out: &mut Writer) {
        let Some((id, parts)) = self.items.get_mut(index).and_then(message) else {
            return;
        };
        let content = parts.len().saturating_sub(1);
        let Some(part) = parts.last() else {
            return;
        };
        let wire = Wire {
            content_index: Some(content),
            text: (!part.refusal).then_some(&part.text),
            refusal: part.refusal.then_some(&part.text),
            logprobs: (!part.refusal).then(|| entries(part)),
            ..at(id, index)
        };
        let kind = match part.refusal {
            true => "response.refusal.done",
            false => "response.output_text.done",
        };
        self.voice.say(kind, wire, out);
        let wire = Wire {
            content_index: Some(content),
            part: Some(WirePart::Message(part)),
            ..at(id, index)
        };
        self.voice.say("response.content_part.done", wire, out);
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

    /// The proof of a reasoning item.
    pub(super) fn prove(&mut self, index: usize, proof: String) {
        let room = self.keeps(proof.len());
        if let Some(Body::Reasoning { encrypted, .. }) = self.body(index) {
            *encrypted = Some(proof).filter(|_| room);
        }
    }

    /// A reasoning item is complete.
    pub(super) fn thought(&mut self, index: usize, out: &mut Writer) {
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

fn message(item: &mut Item) -> Option<(&str, &mut Vec<Part>)> {
    match &mut item.body {
        Body::Message(parts) => Some((&item.id, parts)),
        _ => None,
    }
}

fn entries(part: &Part) -> Entries {
    match part.entries().filter(|_| !part.logprobs.is_empty()) {
        Some(raw) => Entries::Some(raw),
        None => Entries::None([]),
    }
}

/// The stretch in the part's own text, which begins at `base` of the answer's; without one, all of
/// the part's text up to `end`.
fn note(base: u64, end: u64, citation: &Citation<'_>) -> Note {
    let (start, end) = citation.span.unwrap_or((base, end));
    Note {
        kind: "url_citation",
        start_index: start.saturating_sub(base),
        end_index: end.saturating_sub(base),
        url: citation.url.clone().into_owned(),
        title: citation.title.as_deref().unwrap_or("").to_owned(),
    }
}
