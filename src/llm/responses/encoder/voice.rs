//! Writes the events of the stream, numbered.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::object::{Item, Note, Part, Summary};
use crate::frame::write::Writer;

/// An event; what is not set is left out.
#[derive(Default, Serialize)]
pub(super) struct Wire<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<WirePart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<Entries>,
}

/// A part in an event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum WirePart<'a> {
    Message(&'a Part),
    Summary(Summary<'a>),
}

/// Log probabilities.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Entries {
    /// The SDK's types demand the list also where there is none.
    None([(); 0]),
    Some(Box<RawValue>),
}

/// Numbers the events. A mute one writes nothing: the whole answer is wanted.
#[derive(Debug)]
pub(super) struct Voice {
    next: u64,
    mute: bool,
}

impl Voice {
    pub(super) fn new(mute: bool) -> Voice {
        Voice { next: 0, mute }
    }

    /// Writes an event.
    pub(super) fn say<'a>(&mut self, kind: &'a str, wire: Wire<'a>, out: &mut Writer) {
        if self.mute {
            return;
        }
        let sequence_number = self.number();
        let wire = Wire {
            kind,
            sequence_number,
            ..wire
        };
        out.event(kind, &wire);
    }

    /// The next event's number.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    pub(super) fn is_mute(&self) -> bool {
        self.mute
    }
}
