//! What of an answer is heard, by meter and decoder: a chunk of a stream and a whole answer have the same
//! members. Both take it from one reading, where both listen.

use crate::chat::detail::Detail;
use crate::chat::usage::Tokens;
use crate::loose::{Content, Count, List, Raw, Slot, Text, Truthy, Words, loose};

loose! {
    struct Chunk<'a> {
        "id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "choices" => choices: List<Choice<'a>>,
        // Perplexity's sources of the whole answer.
        "search_results" => results: List<Source<'a>>,
        "usage" => usage: Slot<Tokens>,
        "x_groq" => groq: Slot<Groq>,
        "error" => error: Truthy,
        "object" => object: Text<'a>,
        "message" | "msg" | "detail" => message: Truthy,
        "code" => code: Truthy,
        "base_resp" => base: Slot<Base>,
    }

    struct Groq {
        "usage" => usage: Slot<Tokens>,
    }

    /// MiniMax puts its errors here, with HTTP 200.
    struct Base {
        "status_code" => code: Truthy,
    }

    struct Choice<'a> {
        "index" => index: Count,
        "delta" | "message" => said: Slot<Said<'a>>,
        "logprobs" => logprobs: Slot<Logprobs<'a>>,
        "finish_reason" => finish: Text<'a>,
        // vLLM: the stop sequence that came.
        "stop_reason" => sequence: Text<'a>,
        // Completions.
        "text" => text: Text<'a>,
        "usage" => usage: Slot<Tokens>,
        "error" => error: Truthy,
    }

    struct Said<'a> {
        "content" => content: Content<'a>,
        "refusal" => refusal: Words<'a>,
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
        "arguments" | "input" => arguments: Content<'a>,
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

/// The parts of a content that is a list.
pub(super) fn parts<'a>(content: &'a Content<'_>) -> Option<List<Part<'a>>> {
    serde_json::from_str(content.list()?).ok()
}
