//! The four wire formats as a client and a provider speak them: small, correct, hand-written.

mod chat;
mod gemini;
mod messages;
mod refusal;
mod responses;

use serde_json::Value;

use crate::reply::Reply;
pub use refusal::Refusal;

/// Tokens that a canned reply reports, in the gateway's own classes: `input` includes what was
/// cached, `output` includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that went in.
    pub input: u64,
    /// Read from a cache.
    pub cache_read: u64,
    /// Written to a five-minute cache.
    pub cache_write_5m: u64,
    /// Written to a one-hour cache.
    pub cache_write_1h: u64,
    /// All that came out.
    pub output: u64,
    /// The part that was reasoning.
    pub reasoning: u64,
}

impl Counts {
    /// Nothing cached, no reasoning.
    pub const fn of(input: u64, output: u64) -> Counts {
        Counts {
            input,
            output,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            reasoning: 0,
        }
    }
}

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Google `generateContent`.
    Gemini,
}

impl Dialect {
    /// All four.
    pub const ALL: [Dialect; 4] = [
        Dialect::Chat,
        Dialect::Responses,
        Dialect::Messages,
        Dialect::Gemini,
    ];

    /// Whose requests go there.
    pub(crate) fn of_path(path: &str) -> Dialect {
        if path.contains("/messages") {
            Dialect::Messages
        } else if path.contains("/responses") {
            Dialect::Responses
        } else if path.contains("v1beta")
            || path.contains("Content")
            || path.contains("countTokens")
        {
            Dialect::Gemini
        } else {
            Dialect::Chat
        }
    }

    /// Its name in configuration and records.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Chat => "chat",
            Dialect::Responses => "responses",
            Dialect::Messages => "messages",
            Dialect::Gemini => "gemini",
        }
    }

    /// Where a request for `model` goes.
    pub fn path(self, model: &str, stream: bool) -> String {
        match self {
            Dialect::Chat => "/v1/chat/completions".to_owned(),
            Dialect::Responses => "/v1/responses".to_owned(),
            Dialect::Messages => "/v1/messages".to_owned(),
            Dialect::Gemini if stream => {
                format!("/v1beta/models/{model}:streamGenerateContent?alt=sse")
            }
            Dialect::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    /// The header its clients send a key in, and the value for `key`.
    pub fn credential(self, key: &str) -> (&'static str, String) {
        match self {
            Dialect::Chat | Dialect::Responses => ("authorization", format!("Bearer {key}")),
            Dialect::Messages => ("x-api-key", key.to_owned()),
            Dialect::Gemini => ("x-goog-api-key", key.to_owned()),
        }
    }

    /// The smallest request for `model`.
    pub fn ask(self, model: &str, stream: bool) -> Value {
        match self {
            Dialect::Chat => chat::ask(model, stream),
            Dialect::Responses => responses::ask(model, stream),
            Dialect::Messages => messages::ask(model, stream),
            Dialect::Gemini => gemini::ask(),
        }
    }

    /// A provider's whole answer.
    pub fn whole(self, text: &str, counts: Counts) -> Reply {
        let body = match self {
            Dialect::Chat => chat::whole(text, counts),
            Dialect::Responses => responses::whole(text, counts),
            Dialect::Messages => messages::whole(text, counts),
            Dialect::Gemini => gemini::whole(text, counts),
        };
        Reply::value(200, &body)
    }

    /// A provider's streamed answer, one content event per text. Chat ends with the usage chunk
    /// and `[DONE]`.
    pub fn stream(self, texts: &[&str], counts: Counts) -> Reply {
        Reply::sse(self.events(texts, counts))
    }

    /// The events of [`Dialect::stream`], each complete.
    pub fn events(self, texts: &[&str], counts: Counts) -> Vec<String> {
        match self {
            Dialect::Chat => chat::events(texts, counts),
            Dialect::Responses => responses::events(texts, counts),
            Dialect::Messages => messages::events(texts, counts),
            Dialect::Gemini => gemini::events(texts, counts),
        }
    }

    /// Events before the first content event of [`Dialect::events`].
    pub fn preamble(self) -> usize {
        match self {
            Dialect::Chat => 1,
            Dialect::Responses => 4,
            Dialect::Messages => 2,
            Dialect::Gemini => 0,
        }
    }

    /// An error body as this vendor sends it.
    pub fn fault(self, status: u16, message: &str) -> Reply {
        Reply::value(status, &refusal::vendor_body(self, status, message))
    }

    /// The error event that this vendor puts into a stream.
    pub fn fault_event(self, message: &str) -> String {
        refusal::vendor_event(self, message)
    }

    /// The text of a whole answer.
    pub fn text_of(self, body: &Value) -> String {
        let text = match self {
            Dialect::Chat => &body["choices"][0]["message"]["content"],
            Dialect::Responses => &body["output"][0]["content"][0]["text"],
            Dialect::Messages => &body["content"][0]["text"],
            Dialect::Gemini => &body["candidates"][0]["content"]["parts"][0]["text"],
        };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The text that one event of a stream adds.
    pub fn delta_of(self, event: &Value) -> String {
        let text = match self {
            Dialect::Chat => &event["choices"][0]["delta"]["content"],
            Dialect::Responses if event["type"] == "response.output_text.delta" => &event["delta"],
            Dialect::Responses => &Value::Null,
            Dialect::Messages => &event["delta"]["text"],
            Dialect::Gemini => &event["candidates"][0]["content"]["parts"][0]["text"],
        };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Whether an event's data says that the stream failed.
    pub fn is_fault(self, event: &Value) -> bool {
        match self {
            Dialect::Chat | Dialect::Gemini => event["error"].is_object(),
            Dialect::Messages => event["type"] == "error",
            Dialect::Responses => event["type"] == "error" || event["type"] == "response.failed",
        }
    }
}

/// An event without a name.
fn unnamed(payload: &Value) -> String {
    format!("data: {payload}\n\n")
}

/// An event named by its `type`.
fn named(payload: &Value) -> String {
    let name = payload["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {payload}\n\n")
}
