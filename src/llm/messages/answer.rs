//! The shapes of an answer, whole or streamed.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Usage;
use crate::ir::{Origin, Signature, Stop};
use crate::words;

/// A message, whole or at its beginning.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    pub(super) stop_reason: Option<&'a str>,
    pub(super) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_details: Option<Details<'a>>,
    pub(super) usage: Tokens,
}

/// Why it ended.
#[derive(Serialize)]
pub(super) struct Ending<'a> {
    pub(super) stop_reason: Option<&'a str>,
    pub(super) stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_details: Option<Details<'a>>,
}

/// Why the provider held the content back.
#[derive(Serialize)]
pub(super) struct Details<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'a str>,
    explanation: Option<&'a str>,
}

/// A block of content, whole or at its beginning.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        #[serde(serialize_with = "words::text")]
        text: &'a str,
    },
    Thinking {
        #[serde(serialize_with = "words::text")]
        thinking: &'a str,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Input<'a>,
    },
}

/// What a tool is called with.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Input<'a> {
    /// At the beginning of a streamed call.
    Empty {},
    Object(Box<RawValue>),
    /// The free text of a custom tool.
    Custom {
        input: &'a str,
    },
}

/// What it used; cache reads and writes are beside the input here.
#[derive(Serialize)]
pub(super) struct Tokens {
    input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<Split>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Serialize)]
struct Split {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Tokens {
        let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
        let cached = usage.cache_read.saturating_add(written);
        Tokens {
            input_tokens: usage.input.saturating_sub(cached),
            cache_read_input_tokens: usage.cache_read,
            cache_creation_input_tokens: written,
            cache_creation: (written > 0).then_some(Split {
                ephemeral_5m_input_tokens: usage.cache_write_5m,
                ephemeral_1h_input_tokens: usage.cache_write_1h,
            }),
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(OutputDetails {
                thinking_tokens: usage.reasoning,
            }),
        }
    }
}

impl<'a> Message<'a> {
    /// A message of which nothing was said yet.
    pub(super) fn new(id: &'a str, model: &'a str, usage: &Usage) -> Message<'a> {
        Message {
            id,
            kind: "message",
            role: "assistant",
            model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            stop_details: None,
            usage: usage.into(),
        }
    }

    /// The same, ended.
    pub(super) fn ended(self, end: Ending<'a>) -> Message<'a> {
        Message {
            stop_reason: end.stop_reason,
            stop_sequence: end.stop_sequence,
            stop_details: end.stop_details,
            ..self
        }
    }
}

impl<'a> Ending<'a> {
    /// `called`: a call of the caller's tools was shown.
    pub(super) fn new(stop: Stop<'a>, called: bool) -> Ending<'a> {
        let stop = stop.with_tools(called);
        let (reason, sequence) = match stop {
            Stop::Sequence(Some(sequence)) => ("stop_sequence", Some(sequence)),
            Stop::Length => ("max_tokens", None),
            Stop::ToolCalls => ("tool_use", None),
            Stop::Filter { .. } | Stop::Refusal => ("refusal", None),
            Stop::Pause => ("pause_turn", None),
            Stop::ContextWindow => ("model_context_window_exceeded", None),
            Stop::End | Stop::Sequence(None) | Stop::Malformed(_) | Stop::Other(_) => {
                ("end_turn", None)
            }
        };
        Ending {
            stop_reason: Some(reason),
            stop_sequence: sequence,
            stop_details: Details::new(stop),
        }
    }
}

impl<'a> Details<'a> {
    /// The category is the original reason: Anthropic's SDKs take any word for it.
    fn new(stop: Stop<'a>) -> Option<Details<'a>> {
        match stop {
            Stop::Filter {
                reason,
                explanation,
            } => Some(Details {
                kind: "refusal",
                category: (!reason.is_empty()).then_some(reason),
                explanation,
            }),
            _ => None,
        }
    }
}

impl Block<'_> {
    /// The beginning of streamed thinking.
    pub(super) const EMPTY_THINKING: Block<'static> = Block::Thinking {
        thinking: "",
        signature: String::new(),
    };

    /// Whether it is a call of the caller's tools.
    pub(super) fn is_call(&self) -> bool {
        matches!(self, Block::ToolUse { .. })
    }
}

/// Whether the words of thinking that shows none are inside the proof.
pub(super) fn is_redacted(proof: Option<&Signature<'_>>) -> bool {
    proof.is_some_and(|proof| {
        proof.redacted || matches!(proof.origin, Origin::Responses | Origin::Chat)
    })
}

/// A proof in its wrapping, or the mark of none.
pub(super) fn wrapped(proof: Option<&Signature<'_>>, family: &str) -> String {
    match proof {
        Some(proof) => proof.wrap(family),
        None => Signature::none().wrap(""),
    }
}

/// The answer's id, made from the request's.
pub(super) fn message_id(id: &str) -> String {
    format!("msg_{id}")
}

/// A call's id with the letters that Anthropic's clients may send back to Anthropic.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match id.bytes().all(fits) {
        true => Cow::Borrowed(id),
        false => Cow::Owned(
            id.chars()
                .map(|letter| {
                    if fits(u8::try_from(letter).unwrap_or(0)) {
                        letter
                    } else {
                        '_'
                    }
                })
                .collect(),
        ),
    }
}

/// What an image becomes, as the format has no place for one in an answer.
pub(super) fn image_note(mime: &str) -> String {
    format!("[The model made an image ({mime}), which cannot be shown in this format.]")
}
