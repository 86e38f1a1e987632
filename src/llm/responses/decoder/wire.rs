//! What of a Responses answer is read.

use serde_json::value::RawValue;

use crate::ir::Stop;
use crate::loose::{Count, List, Raw, Slot, Text, loose};

loose! {
    /// An event of a stream, or the whole response object: their members do not clash.
    struct Step<'a> {
        "type" => kind: Text<'a>,
        "object" => object: Text<'a>,
        "response" => response: Raw<'a>,
        "output_index" => output_index: Count,
        "content_index" | "summary_index" => part_index: Count,
        "item_id" => item_id: Text<'a>,
        "item" => item: Raw<'a>,
        "part" => part: Slot<Part<'a>>,
        "delta" => delta: Text<'a>,
        "text" | "arguments" | "input" | "refusal" => full: Raw<'a>,
        "annotation" => annotation: Slot<Annotation<'a>>,
        "logprobs" => logprobs: Raw<'a>,
    }

    struct Response<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "status" => status: Text<'a>,
        "incomplete_details" => incomplete: Slot<Incomplete<'a>>,
        "output" => output: Raw<'a>,
    }

    struct Incomplete<'a> {
        "reason" => reason: Text<'a>,
    }

    struct Item<'a> {
        "type" => kind: Text<'a>,
        "id" => id: Text<'a>,
        "call_id" => call_id: Text<'a>,
        "name" => name: Text<'a>,
        "arguments" | "input" => args: Raw<'a>,
        "content" => content: List<Part<'a>>,
        "summary" => summary: List<Part<'a>>,
        "encrypted_content" => encrypted: Text<'a>,
        "result" => result: Text<'a>,
        "output_format" => output_format: Text<'a>,
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
}

impl<'a> Response<'a> {
    /// The response object in `raw`; empty when it is none.
    pub(super) fn read(raw: &'a str) -> Response<'a> {
        let slot = serde_json::from_str::<Slot<Response<'a>>>(raw).unwrap_or_default();
        slot.0.unwrap_or_default()
    }

    /// Its output items, as written.
    pub(super) fn items(&self) -> Vec<&'a RawValue> {
        let output = self.output.0.map_or("[]", RawValue::get);
        serde_json::from_str(output).unwrap_or_default()
    }

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

impl<'a> Item<'a> {
    /// The item in `raw`; empty when it is none.
    pub(super) fn read(raw: &'a str) -> Item<'a> {
        let slot = serde_json::from_str::<Slot<Item<'a>>>(raw).unwrap_or_default();
        slot.0.unwrap_or_default()
    }

    /// The id by which its result will name the call.
    pub(super) fn call(&self) -> &str {
        match &*self.call_id.0 {
            "" => &self.id.0,
            id => id,
        }
    }
}
