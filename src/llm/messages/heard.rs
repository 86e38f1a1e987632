//! What of an answer is heard, by meter and decoder: the events of a stream and the whole message. Both take
//! it from one reading, where both listen.

use super::usage::Tokens;
use crate::ir::Stop;
use crate::loose::{Array, Content, Kept, List, Slot, Text, Truthy, loose};
use crate::meter::cut;

/// Bytes that are kept of what is said about the end.
const MAX_REASON_BYTES: usize = 4096;

loose! {
    /// An event of a stream, or the whole message: their members do not clash.
    struct Step<'a> {
        "type" => kind: Text<'a>,
        "message" => message: Slot<Message<'a>>,
        "content_block" => block: Kept<'a, Part<'a>>,
        "delta" => delta: Slot<Delta<'a>>,
        "usage" => usage: Slot<Tokens<'a>>,
        "error" => error: Truthy,
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "content" => content: Array<Kept<'a, Part<'a>>>,
        "stop_reason" => stop: Text<'a>,
        "stop_sequence" => sequence: Text<'a>,
        "stop_details" => details: Slot<Details<'a>>,
        // The answer of count_tokens.
        "input_tokens" => counted: Truthy,
    }

    struct Message<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "usage" => usage: Slot<Tokens<'a>>,
        "content" => content: Array<Kept<'a, Part<'a>>>,
        "stop_reason" => stop: Text<'a>,
        "stop_sequence" => sequence: Text<'a>,
        "stop_details" => details: Slot<Details<'a>>,
    }

    struct Delta<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "thinking" => thinking: Text<'a>,
        "signature" => signature: Text<'a>,
        "partial_json" => json: Text<'a>,
        // A summary of what went before.
        "content" => summary: Text<'a>,
        "citation" => citation: Slot<Source<'a>>,
        "stop_reason" => stop: Text<'a>,
        "stop_sequence" => sequence: Text<'a>,
        "stop_details" => details: Slot<Details<'a>>,
    }

    struct Part<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "citations" => citations: List<Source<'a>>,
        "thinking" => thinking: Text<'a>,
        "signature" => signature: Text<'a>,
        "data" => redacted: Text<'a>,
        "content" => summary: Text<'a>,
        "id" => id: Text<'a>,
        "name" => name: Text<'a>,
        "input" => input: Content<'a>,
    }

    struct Source<'a> {
        "url" | "source" => url: Text<'a>,
        "title" => title: Text<'a>,
        "cited_text" => quote: Text<'a>,
    }

    struct Details<'a> {
        "category" => category: Text<'a>,
        "explanation" => explanation: Text<'a>,
    }
}

/// Why a message ended, by the format's word for it; none while it goes on.
pub(super) fn stop<'a>(
    reason: &'a Text<'_>,
    sequence: &'a Text<'_>,
    details: &'a Slot<Details<'_>>,
) -> Option<Stop<'a>> {
    let said = |text: &'a Text<'_>| (!text.0.is_empty()).then_some(cut(&text.0, MAX_REASON_BYTES));
    Some(match said(reason)? {
        "end_turn" => Stop::End,
        "max_tokens" => Stop::Length,
        "stop_sequence" => Stop::Sequence(said(sequence)),
        "tool_use" => Stop::ToolCalls,
        // The caller sends the conversation again, and it goes on.
        "pause_turn" | "compaction" => Stop::Pause,
        "refusal" => Stop::Filter {
            reason: details
                .0
                .as_ref()
                .and_then(|details| said(&details.category))
                .unwrap_or("refusal"),
            explanation: details
                .0
                .as_ref()
                .and_then(|details| said(&details.explanation)),
        },
        "model_context_window_exceeded" => Stop::ContextWindow,
        other => Stop::Other(other),
    })
}
