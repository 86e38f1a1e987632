//! Writes an error in the words of each format, as a body or as the last event of a stream.

use serde::Serialize;

use crate::Format;
use crate::tap::Framing;

/// What a caller is told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The HTTP status, also where only an event tells it.
    pub status: u16,
    /// The format's own word: `invalid_request_error`, `INVALID_ARGUMENT` …
    pub kind: &'a str,
    /// OpenAI's code.
    pub code: Option<&'a str>,
    /// The sentence, already scrubbed.
    pub message: &'a str,
    /// The field of the request that is at fault.
    pub param: Option<&'a str>,
    /// The request's id, where the format has a place for it.
    pub request_id: &'a str,
}

#[derive(Serialize)]
struct Envelope<T> {
    error: T,
}

#[derive(Serialize)]
struct OpenAi<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    envelope: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Google<'a> {
    code: u16,
    message: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<[BadRequest<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BadRequest<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    field_violations: [Violation<'a>; 1],
}

#[derive(Serialize)]
struct Violation<'a> {
    field: &'a str,
    description: &'a str,
}

/// The `error` event of Responses. Its documented members stand at the top; the object beside
/// them is what OpenAI sends, and what its SDK looks for before it raises.
#[derive(Serialize)]
struct ResponsesEvent<'a> {
    #[serde(rename = "type")]
    event: &'static str,
    sequence_number: u64,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
    error: OpenAi<'a>,
}

impl<'a> Telling<'a> {
    fn openai(&self) -> OpenAi<'a> {
        OpenAi {
            message: self.message,
            kind: self.kind,
            param: self.param,
            code: self.code,
        }
    }

    fn anthropic(&self) -> Anthropic<'a> {
        let error = AnthropicError {
            kind: self.kind,
            message: self.message,
        };
        Anthropic {
            envelope: "error",
            error,
            request_id: self.request_id,
        }
    }

    fn google(&self) -> Google<'a> {
        let details = self.param.map(|field| {
            let kind = "type.googleapis.com/google.rpc.BadRequest";
            let field_violations = [Violation {
                field,
                description: self.message,
            }];
            [BadRequest {
                kind,
                field_violations,
            }]
        });
        Google {
            code: self.status,
            message: self.message,
            status: self.kind,
            details,
        }
    }
}

/// The error as the body of an answer.
pub fn body(format: Format, t: &Telling<'_>) -> Vec<u8> {
    match format {
        Format::Chat | Format::Responses => json(&Envelope { error: t.openai() }),
        Format::Messages => json(&t.anthropic()),
        Format::Gemini => json(&Envelope { error: t.google() }),
    }
}

/// The error as the last event of a stream that has begun: the one that each vendor's SDK raises
/// as an exception. `sequence` is the last `sequence_number` seen. What was sent before must have
/// ended where an event may begin; [`Tap::last_event`](crate::tap::Tap::last_event) sees to that.
/// For a whole body there is no such thing, and nothing is returned.
pub fn last_event(
    format: Format,
    framing: Framing,
    t: &Telling<'_>,
    sequence: Option<u64>,
) -> Vec<u8> {
    match (framing, format) {
        (Framing::Whole, _) => Vec::new(),
        (Framing::JsonArray, _) => wrapped(b",", &body(format, t), b"]"),
        (Framing::Sse, Format::Chat | Format::Gemini) => wrapped(b"data: ", &body(format, t), END),
        (Framing::Sse, Format::Messages) => wrapped(b"event: error\ndata: ", &body(format, t), END),
        (Framing::Sse, Format::Responses) => {
            let number = sequence.map_or(0, |last| last.saturating_add(1));
            let event = responses_event(t, number);
            wrapped(b"event: error\ndata: ", &json(&event), END)
        }
    }
}

/// The `error` event of a Responses stream, with its number.
pub(crate) fn responses_event<'a>(t: &Telling<'a>, number: u64) -> impl Serialize + use<'a> {
    ResponsesEvent {
        event: "error",
        sequence_number: number,
        code: t.code,
        message: t.message,
        param: t.param,
        error: t.openai(),
    }
}

/// Ends an event.
const END: &[u8] = b"\n\n";

fn wrapped(before: &[u8], json: &[u8], after: &[u8]) -> Vec<u8> {
    [before, json, after].concat()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers only: this cannot fail, and an empty body would still be an answer.
    serde_json::to_vec(value).unwrap_or_default()
}
