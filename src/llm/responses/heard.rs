//! What of an answer is heard, by meter and decoder: the events of a stream and the whole response object.
//! Both take it from one reading, where both listen.

use std::cell::OnceCell;

use serde_json::value::RawValue;

use crate::chat::usage::Tokens;
use crate::ir::Stop;
use crate::loose::{self, Array, Content, Count, List, Raw, Slot, Text, Truthy, loose};
use crate::meter::Piece;

loose! {
    /// An event of a stream, or the whole response object: their members do not clash. Small, as most events
    /// are words alone: what else one may have is in boxes.
    struct Step<'a> {
        "type" => kind: Text<'a>,
        "sequence_number" => sequence: Count,
        "object" => object: Text<'a>,
        "response" => response: Slot<Box<Response<'a>>>,
        "output_index" => output_index: Count,
        "content_index" | "summary_index" => part_index: Count,
        "item_id" => item_id: Text<'a>,
        "item" => item: Slot<Box<Item<'a>>>,
        "part" => part: Slot<Box<Part<'a>>>,
        "delta" => delta: Text<'a>,
        "text" | "arguments" | "input" | "refusal" => full: Content<'a>,
        "annotation" => annotation: Slot<Box<Annotation<'a>>>,
        "logprobs" => logprobs: Raw<'a>,
        "error" => error: Truthy,
        "message" | "detail" => message: Truthy,
        _ => whole: Response<'a>,
    }

    struct Response<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "status" => status: Text<'a>,
        "incomplete_details" => incomplete: Slot<Incomplete<'a>>,
        "output" => output: List<Item<'a>>,
        "tools" => tools: List<Tool<'a>>,
        "usage" => usage: Slot<Box<Tokens>>,
    }

    struct Incomplete<'a> {
        "reason" => reason: Text<'a>,
    }

    struct Tool<'a> {
        "type" => kind: Text<'a>,
    }

    struct Item<'a> {
        "type" => kind: Text<'a>,
        "id" => id: Text<'a>,
        "call_id" => call_id: Text<'a>,
        "name" => name: Text<'a>,
        "arguments" | "input" => args: Content<'a>,
        // Passed over: most of it was heard before, piece by piece.
        "content" => content: Content<'a>,
        "summary" => summary: Content<'a>,
        "encrypted_content" => encrypted: Text<'a>,
        "result" => result: Text<'a>,
        "output_format" => output_format: Text<'a>,
        "action" => action: Slot<Action<'a>>,
    }

    struct Action<'a> {
        "type" => kind: Text<'a>,
    }

    struct Part<'a> {
        "type" => kind: Text<'a>,
        "text" | "refusal" => text: Text<'a>,
        "annotations" => annotations: List<Annotation<'a>>,
        "logprobs" => logprobs: Raw<'a>,
    }

    struct Annotation<'a> {
        "type" => kind: Text<'a>,
        "url" => url: Text<'a>,
        "title" => title: Text<'a>,
        "start_index" => start: Count,
        "end_index" => end: Count,
    }

    /// The same, for its items as they are written.
    struct Again<'a> {
        "item" => item: Raw<'a>,
        "response" => response: Slot<Output<'a>>,
        _ => whole: Output<'a>,
    }

    struct Output<'a> {
        "output" => items: Array<Raw<'a>>,
    }
}

impl Response<'_> {
    /// Why it ended.
    pub(super) fn stop(&self) -> Stop<'_> {
        let incomplete = self.incomplete.0.as_ref();
        match incomplete.map_or("", |details| &*details.reason.0) {
            "max_output_tokens" | "max_tokens" | "length" => Stop::Length,
            reason @ "content_filter" => Stop::Filter {
                reason,
                explanation: None,
            },
            "" => match &*self.status.0 {
                "" | "completed" | "in_progress" => Stop::End,
                status => Stop::Other(status),
            },
            reason => Stop::Other(reason),
        }
    }
}

impl Item<'_> {
    /// The id by which its result will name the call.
    pub(super) fn call(&self) -> &str {
        match &*self.call_id.0 {
            "" => &self.id.0,
            id => id,
        }
    }
}

/// The parts of a content or a summary.
pub(super) fn parts<'a>(content: &'a Content<'_>) -> List<Part<'a>> {
    let list = content.list().unwrap_or("[]");
    serde_json::from_str(list).unwrap_or_default()
}

/// The items of a piece as they are written. The piece is read anew when one is asked for: only those of hosted
/// tools are handed on so.
pub(super) struct Written<'a> {
    json: &'a [u8],
    items: OnceCell<Vec<Raw<'a>>>,
}

impl<'a> Written<'a> {
    pub(super) fn new(piece: Piece<'a>) -> Written<'a> {
        Written {
            json: piece.json,
            items: OnceCell::new(),
        }
    }

    /// The item of that place in the answer's output; an event of one item has it in the first.
    pub(super) fn item(&self, place: usize) -> &'a str {
        let items = self.items.get_or_init(|| items(self.json));
        let item = items.get(place).and_then(|item| item.0);
        item.map_or("{}", RawValue::get)
    }
}

fn items(json: &[u8]) -> Vec<Raw<'_>> {
    let Some(Slot(Some(again))) = loose::json::<Slot<Again<'_>>>(json) else {
        return Vec::new();
    };
    if again.item.0.is_some() {
        return vec![again.item];
    }
    again.response.0.unwrap_or(again.whole).items.0
}
