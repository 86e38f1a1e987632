//! The events of a stream and the whole message, as far as they are translated.

use crate::ir::Stop;
use crate::loose::{List, Raw, Slot, Text, loose};
use crate::meter::cut;

/// Bytes that are kept of what is said about the end.
const MAX_REASON_BYTES: usize = 4096;

loose! {
    /// An event of a stream, or the whole message: their members do not clash.
    struct Step<'a> {
        "type" => kind: Text<'a>,
        "message" => message: Slot<Message<'a>>,
        "content_block" => block: Raw<'a>,
        "delta" => delta: Slot<Delta<'a>>,
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "content" => content: Raw<'a>,
        "stop_reason" => stop: Text<'a>,
        "stop_sequence" => sequence: Text<'a>,
        "stop_details" => details: Slot<Details<'a>>,
    }

    struct Message<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "content" => content: Raw<'a>,
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
        "id" => id: Text<'a>,
        "name" => name: Text<'a>,
        "input" => input: Raw<'a>,
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
