//! What an answer says, as it is written: the same members in a chunk and in a whole answer.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::detail::Entry;
use crate::Usage;
use crate::ir::{Citation, Stop, ToolKind};

/// A call, or a piece of one. A stream gives id, type and name once, as clients concatenate.
#[derive(Debug, Default, Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<Custom<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<Extra<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Custom<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    input: Cow<'a, str>,
}

impl<'a> Call<'a> {
    /// How a call begins.
    pub(super) fn head(
        index: u32,
        id: &'a str,
        name: &'a str,
        args: &'a str,
        kind: ToolKind,
    ) -> Call<'a> {
        Call {
            index: Some(index),
            ..Call::whole(id, name, args, kind)
        }
    }

    /// More of what a call gives its tool.
    pub(super) fn more(index: u32, kind: ToolKind, args: &'a str) -> Call<'a> {
        let mut call = Call::of(None, args.into(), kind);
        call.index = Some(index);
        call
    }

    /// A call of a function, or of a custom tool, whose arguments are its text.
    pub(super) fn whole(
        id: &'a str,
        name: &'a str,
        args: impl Into<Cow<'a, str>>,
        kind: ToolKind,
    ) -> Call<'a> {
        Call {
            id: Some(id),
            kind: Some(match kind {
                ToolKind::Function => "function",
                ToolKind::Custom => "custom",
            }),
            ..Call::of(Some(name), args.into(), kind)
        }
    }

    fn of(name: Option<&'a str>, args: Cow<'a, str>, kind: ToolKind) -> Call<'a> {
        let (function, custom) = match kind {
            ToolKind::Function => {
                let arguments = args;
                (Some(Function { name, arguments }), None)
            }
            ToolKind::Custom => (None, Some(Custom { name, input: args })),
        };
        Call {
            function,
            custom,
            ..Call::default()
        }
    }
}

/// Google's place for the proof of a call.
#[derive(Debug, Serialize)]
pub(super) struct Extra<'a> {
    google: Google<'a>,
}

#[derive(Debug, Serialize)]
struct Google<'a> {
    thought_signature: &'a str,
}

impl<'a> Extra<'a> {
    pub(super) fn new(thought_signature: &'a str) -> Extra<'a> {
        Extra {
            google: Google { thought_signature },
        }
    }
}

/// A source.
#[derive(Debug, Serialize)]
pub(super) struct Annotation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitation<'a>,
}

#[derive(Debug, Serialize)]
struct UrlCitation<'a> {
    start_index: u64,
    end_index: u64,
    url: &'a str,
    title: &'a str,
}

impl<'a> Annotation<'a> {
    /// `around`: the text that is meant where the citation names no stretch itself.
    pub(super) fn new(
        citation: &'a Citation<'_>,
        around: (u64, u64),
        index: Option<u32>,
    ) -> Annotation<'a> {
        let (start_index, end_index) = citation.span.unwrap_or(around);
        Annotation {
            index,
            kind: "url_citation",
            url_citation: UrlCitation {
                start_index,
                end_index,
                url: &citation.url,
                title: citation.title.as_deref().unwrap_or(""),
            },
        }
    }
}

/// An image, in the place where OpenRouter puts it: OpenAI has none.
#[derive(Debug, Serialize)]
pub(super) struct Image<'a> {
    pub(super) index: u32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) image_url: Address<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Address<'a> {
    pub(super) url: &'a str,
}

/// Sound, with its words.
#[derive(Debug, Default, Serialize)]
pub(super) struct Audio<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transcript: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<u64>,
}

/// The members of a chunk's `delta`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_details: Option<[Entry<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<[Call<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<[Annotation<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audio: Option<Audio<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<[Image<'a>; 1]>,
}

/// Log probabilities.
#[derive(Debug, Serialize)]
pub(super) struct Logprobs<'a> {
    content: &'a RawValue,
    refusal: Option<()>,
}

impl<'a> Logprobs<'a> {
    /// `content` is a JSON array of entries.
    pub(super) fn new(content: &'a RawValue) -> Logprobs<'a> {
        Logprobs {
            content,
            refusal: None,
        }
    }
}

/// Tokens. Totals are sums, never another format's.
#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: InputDetails,
    completion_tokens_details: OutputDetails,
}

#[derive(Debug, Serialize)]
struct InputDetails {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    image_tokens: u64,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    image_tokens: u64,
}

impl Tokens {
    pub(super) fn new(usage: &Usage) -> Tokens {
        Tokens {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: InputDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
                audio_tokens: usage.audio_input,
                image_tokens: usage.image_input,
            },
            completion_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
                image_tokens: usage.image_output,
            },
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a choice held, as far as its `finish_reason` depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) text: bool,
    pub(super) refusal: bool,
    pub(super) calls: bool,
}

/// The `finish_reason`.
pub(super) fn finish_reason(stop: Stop<'_>, held: Held) -> &'static str {
    match stop.with_tools(held.calls) {
        Stop::ToolCalls => "tool_calls",
        Stop::Length | Stop::ContextWindow => "length",
        Stop::Filter { .. } => "content_filter",
        Stop::Refusal if !held.refusal => "content_filter",
        // A stop for no reason that is known: with nothing said, the provider held it back.
        Stop::Other(_) if !held.text => "content_filter",
        _ => "stop",
    }
}
