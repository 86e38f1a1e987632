//! Reads from a request's body what the gateway must know to admit it, and no more.

mod bad;
mod extras;
mod kinds;
mod typed;

use crate::fields::{Fields, elements, members};
use crate::parts::{Depth, Part, TURNS, Walk};
use crate::{Format, Operation, chat};

pub use bad::BadAsk;
pub(crate) use bad::kind;
use extras::number;
pub use extras::{Extras, Hosted};
pub use kinds::Kinds;
pub use typed::MAX_MODEL_BYTES;
use typed::{count, flag, int32, model, object_or_null, stream_options};

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The model by the caller's name. Empty for Gemini, where it stands in the path.
    pub model: String,
    /// Whether the answer is to be streamed. Never read for Gemini: the path says so.
    pub stream: bool,
    /// The most output tokens the caller lets one answer have.
    pub max_output: Option<u64>,
    /// Chat: whether the caller itself wants the usage chunk (`stream_options.include_usage`).
    pub wants_usage: bool,
    /// Bytes that may be text: the body without its images, and with an eighth of its sound.
    pub input_bytes: u64,
    /// Images, inline or by address.
    pub images: u32,
    /// Answers asked for at once (`n`, `best_of`, several prompts, `candidateCount`); each may be
    /// as long as `max_output`.
    pub choices: u32,
    /// What beside text may have a price of its own.
    pub extras: Extras,
    /// Chat: the body has the shape of Responses (Cursor sends it to the chat address). It cannot
    /// go on as it is, not even to a chat upstream: it is converted, and answered as chat.
    pub responses_shaped: bool,
    fields: Fields,
}

impl Ask {
    /// Where the body's members are.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// Reads and validates a request body: one pass over its bytes.
pub fn read(format: Format, operation: Operation, body: &[u8]) -> Result<Ask, BadAsk> {
    let mut walk = Walk::new(Depth::Bulk);
    let mut extras = Extras::default();
    let fields = Fields::read_with(body, |name, scanner| match name {
        "tools" => extras.tools(scanner),
        name if TURNS.contains(&name) => walk.turns(scanner),
        _ => scanner.value().map(drop),
    })?;
    extras.marks = fields.marks();
    let mut ask = Ask {
        model: String::new(),
        stream: false,
        max_output: None,
        wants_usage: false,
        input_bytes: body.len() as u64,
        images: 0,
        choices: 1,
        extras,
        responses_shaped: (format, operation) == (Format::Chat, Operation::Chat)
            && chat::is_responses_shaped(&fields, body),
        fields: Fields::default(),
    };
    for (name, value) in fields.iter(body) {
        ask.field(format, operation, &name, value)?;
    }
    ask.choices = ask
        .choices
        .saturating_mul(prompts(operation, &fields, body))
        .max(1);
    ask.weigh(&walk.parts);
    if format != Format::Gemini && ask.model.is_empty() {
        return Err(BadAsk::Missing {
            field: "model",
            hint: "name the model to use",
        });
    }
    turns(format, operation, &fields, body)?;
    ask.fields = fields;
    Ok(ask)
}

impl Ask {
    fn field(
        &mut self,
        format: Format,
        operation: Operation,
        name: &str,
        value: &[u8],
    ) -> Result<(), BadAsk> {
        use Format::{Chat, Gemini, Messages, Responses};
        match (format, name) {
            (Gemini, "generationConfig" | "generation_config") => self.generation_config(value)?,
            (Gemini, _) => {}
            (_, "model") => self.model = model(value)?,
            (_, "stream") => self.stream = flag("stream", value)?,
            (Chat | Responses, "stream_options") => self.wants_usage = stream_options(value)?,
            (Chat | Messages, "max_tokens") => self.at_most(count("max_tokens", value)?),
            (Chat, "max_completion_tokens") => self.at_most(count("max_completion_tokens", value)?),
            (Responses, "max_output_tokens") => self.at_most(count("max_output_tokens", value)?),
            (Chat, "max_output_tokens") if self.responses_shaped => {
                self.at_most(count("max_output_tokens", value)?);
            }
            (Chat, "n") => self.answers(count("n", value)?),
            (Chat, "best_of") if operation == Operation::Completion => {
                self.answers(count("best_of", value)?)
            }
            (Chat | Responses, "modalities") => self.extras.kinds.wanted(value),
            (Chat | Responses, "max_tool_calls") => self.extras.max_tool_calls = number(value),
            // Some servers (Go's encoding/json) take a key in any letter case for the field. The
            // model decides what the call costs, so there must be no second reading of it.
            (_, other) if other.eq_ignore_ascii_case("model") => {
                let problem = "also comes in other letter case; send it once, in lower case";
                return Err(BadAsk::Value {
                    field: "model",
                    problem,
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Of two maxima (the older and the newer field) the larger bounds the answer.
    fn at_most(&mut self, tokens: Option<u64>) {
        self.max_output = self.max_output.max(tokens);
    }

    fn answers(&mut self, count: Option<u64>) {
        let count = u32::try_from(count.unwrap_or(1)).unwrap_or(u32::MAX);
        self.choices = self.choices.max(count);
    }

    fn generation_config(&mut self, value: &[u8]) -> Result<(), BadAsk> {
        object_or_null("generationConfig", value)?;
        let mut bad = None;
        members(value, |name, _, value| match name {
            "maxOutputTokens" | "max_output_tokens" => {
                match int32("generationConfig.maxOutputTokens", value) {
                    Ok(tokens) => self.at_most(tokens),
                    Err(error) => bad = Some(error),
                }
            }
            "candidateCount" | "candidate_count" => {
                match int32("generationConfig.candidateCount", value) {
                    Ok(count) => self.answers(count),
                    Err(error) => bad = Some(error),
                }
            }
            "responseModalities" | "response_modalities" => self.extras.kinds.wanted(value),
            _ => {}
        });
        bad.map_or(Ok(()), Err)
    }

    /// Takes out of the text what is not text.
    ///
    /// Images are counted instead. Sound and video cost at most some 32 and 300 tokens a second
    /// (Gemini's published rates), which at the lowest bit rates in use is one token for 24 bytes
    /// of base64: an eighth of what text is held at. Files stay whole: a PDF full of text costs
    /// nearly as much as its bytes.
    fn weigh(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Image(span) => {
                    self.images = self.images.saturating_add(1);
                    self.input_bytes -= (span.end - span.start) as u64;
                }
                Part::Media(span) => {
                    let bytes = (span.end - span.start) as u64;
                    let light = bytes / 8 * 7;
                    self.input_bytes -= light;
                    self.extras.media_bytes += bytes - light;
                }
                _ => {}
            }
        }
    }
}

/// The member that carries the conversation must be there, in a type the format knows.
fn turns(format: Format, operation: Operation, fields: &Fields, body: &[u8]) -> Result<(), BadAsk> {
    let get = |name| fields.get(body, name).filter(|value| *value != b"null");
    let (field, wanted, hint, list_only) = match (format, operation) {
        (Format::Chat, Operation::Completion) => (
            "prompt",
            "a string or an array",
            "send the text to complete",
            false,
        ),
        (Format::Chat, Operation::Chat) if chat::is_responses_shaped(fields, body) => (
            "input",
            "a string or an array",
            "send a string or an array of items",
            false,
        ),
        (Format::Chat | Format::Messages, _) => (
            "messages",
            "an array",
            "send the conversation as an array of messages",
            true,
        ),
        (Format::Responses, _) => {
            let elsewhere = ["prompt", "previous_response_id", "conversation"];
            if get("input").is_none() && elsewhere.iter().any(|name| get(name).is_some()) {
                return Ok(());
            }
            (
                "input",
                "a string or an array",
                "send a string or an array of items",
                false,
            )
        }
        (Format::Gemini, Operation::Count) if get("contents").is_none() => {
            let wrapped = get("generateContentRequest").or(get("generate_content_request"));
            let hint = "send `contents`, or a whole request as `generateContentRequest`";
            let value = wrapped.ok_or(BadAsk::Missing {
                field: "contents",
                hint,
            })?;
            return object_or_null("generateContentRequest", value);
        }
        (Format::Gemini, _) => (
            "contents",
            "an array",
            "send the conversation as an array of contents",
            true,
        ),
    };
    let value = get(field).ok_or(BadAsk::Missing { field, hint })?;
    match value.first() {
        Some(b'[') => Ok(()),
        Some(b'"') if !list_only => Ok(()),
        _ => Err(BadAsk::Type {
            field,
            wanted,
            found: kind(value),
        }),
    }
}

/// A completion answers every prompt of a list. A list of numbers is one prompt, in tokens.
fn prompts(operation: Operation, fields: &Fields, body: &[u8]) -> u32 {
    if operation != Operation::Completion {
        return 1;
    }
    let mut prompts = 0u32;
    let list = fields.get(body, "prompt").unwrap_or_default();
    elements(list, |_, prompt| {
        let whole = matches!(prompt.first(), Some(b'"' | b'['));
        prompts = prompts.saturating_add(u32::from(whole));
    });
    prompts.max(1)
}

#[cfg(test)]
mod tests;
