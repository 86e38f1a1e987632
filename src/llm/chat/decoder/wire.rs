//! What of an answer is read: a chunk of a stream and a whole answer have the same members.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::chat::detail::Detail;
use crate::loose::{self, Count, List, Raw, Slot, Text, Words, loose};

loose! {
    struct Chunk<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "choices" => choices: List<Choice<'a>>,
        // Perplexity's sources of the whole answer.
        "search_results" => results: List<Source<'a>>,
    }

    struct Choice<'a> {
        "index" => index: Count,
        "delta" | "message" => said: Slot<Said<'a>>,
        "logprobs" => logprobs: Slot<Logprobs<'a>>,
        "finish_reason" => finish: Text<'a>,
        // vLLM: the stop sequence that came.
        "stop_reason" => sequence: Text<'a>,
    }

    struct Said<'a> {
        "content" => content: Raw<'a>,
        "refusal" => refusal: Text<'a>,
        "reasoning_content" => reasoning_content: Words<'a>,
        "reasoning" => reasoning: Words<'a>,
        "reasoning_details" => details: List<Detail<'a>>,
        "tool_calls" => calls: List<Call<'a>>,
        "function_call" => function: Slot<Function<'a>>,
        "annotations" => annotations: List<Annotation<'a>>,
        "audio" => audio: Slot<Audio<'a>>,
        "images" => images: List<Image<'a>>,
    }

    struct Logprobs<'a> {
        "content" => content: Raw<'a>,
    }

    /// A part where the content is a list (Mistral).
    struct Part<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "thinking" => thinking: Words<'a>,
    }

    struct Call<'a> {
        "index" => index: Count,
        "id" => id: Text<'a>,
        "function" => function: Slot<Function<'a>>,
        "custom" => custom: Slot<Function<'a>>,
        "extra_content" => extra: Slot<Extra<'a>>,
    }

    struct Function<'a> {
        "name" => name: Text<'a>,
        "arguments" | "input" => arguments: Raw<'a>,
    }

    struct Extra<'a> {
        "google" => google: Slot<Google<'a>>,
    }

    struct Google<'a> {
        "thought_signature" => signature: Text<'a>,
    }

    struct Annotation<'a> {
        "type" => kind: Text<'a>,
        "url_citation" => source: Slot<Source<'a>>,
    }

    struct Source<'a> {
        "url" => url: Text<'a>,
        "title" => title: Text<'a>,
        "start_index" => start: Count,
        "end_index" => end: Count,
    }

    struct Audio<'a> {
        "id" => id: Text<'a>,
        "data" => data: Text<'a>,
        "transcript" => transcript: Text<'a>,
    }

    struct Image<'a> {
        "image_url" => at: Slot<Address<'a>>,
    }

    struct Address<'a> {
        "url" => url: Text<'a>,
    }
}

/// The content of a string, or the JSON of anything else; a string that holds half a surrogate
/// pair is mended.
pub(super) fn written<'a>(raw: &Raw<'a>) -> Cow<'a, str> {
    let Some(json) = raw.0.map(RawValue::get) else {
        return Cow::Borrowed("");
    };
    if !json.starts_with('"') {
        return Cow::Borrowed(json);
    }
    match serde_json::from_str::<Text<'a>>(json) {
        Ok(text) => text.0,
        Err(_) => Cow::Owned(mended(json)),
    }
}

fn mended(json: &str) -> String {
    loose::mended(json.as_bytes())
        .and_then(|mended| serde_json::from_slice(&mended).ok())
        .unwrap_or_default()
}

/// The content of a string; nothing of anything else.
pub(super) fn spoken<'a>(raw: &Raw<'a>) -> Cow<'a, str> {
    match raw.0.map(RawValue::get) {
        Some(json) if json.starts_with('"') => written(raw),
        _ => Cow::Borrowed(""),
    }
}

/// The parts of a content that is a list.
pub(super) fn parts<'a>(raw: &Raw<'a>) -> Option<List<Part<'a>>> {
    let json = raw.0.map(RawValue::get)?;
    json.starts_with('[')
        .then(|| serde_json::from_str(json).ok())
        .flatten()
}
