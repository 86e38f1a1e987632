//! The message that is open: its parts, their text and what goes with it.

use super::super::super::object::{Body, Item, Note, Part, Shell, Status};
use super::super::voice::{Entries, Wire, WirePart};
use super::{ITEM_BYTES, Output, at};
use crate::frame::write::Writer;
use crate::ir::Citation;

impl Output {
    /// More text of the message, which is opened if there is none.
    pub(in super::super) fn text(
        &mut self,
        shell: &Shell,
        refusal: bool,
        text: &str,
        out: &mut Writer,
    ) {
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
    pub(in super::super) fn cite(&mut self, citation: &Citation<'_>, out: &mut Writer) {
        let title = citation.title.as_ref().map_or(0, |title| title.len());
        let room = self.keeps(citation.url.len() + title + ITEM_BYTES);
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
    pub(in super::super) fn logprobs(&mut self, entries: &str) {
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
    pub(in super::super) fn close_message(&mut self, status: Status, out: &mut Writer) {
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
