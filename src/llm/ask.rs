//! Reads from a request's body what the gateway must know to admit it, and no more.

use std::num::NonZero;

use crate::fields::{Fields, Unreadable, members, text};
use crate::parts::{Depth, Part, TURNS, Walk};
use crate::{Format, Operation};

/// Longest model name. Provider names stay far below; it bounds what is copied and logged.
pub const MAX_MODEL_BYTES: usize = 512;

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
    fields: Fields,
}

impl Ask {
    /// Where the body's members are.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// A request the gateway cannot admit: which field, what is wrong, what to do. Its words are
/// meant for the caller and repeat nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAsk {
    /// Not a JSON object.
    #[error("the request body cannot be read: {0}; send one JSON object in UTF-8")]
    Unreadable(#[from] Unreadable),
    /// A field that must be there is not.
    #[error("`{field}` is missing; {hint}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A field of another type than the format's.
    #[error("`{field}` must be {wanted}, not {found}")]
    Type {
        /// The field.
        field: &'static str,
        /// The type or types the format has for it.
        wanted: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A value of the right type that cannot be meant.
    #[error("`{field}` {problem}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
}

impl BadAsk {
    /// The field that is at fault.
    pub fn param(&self) -> Option<&str> {
        match self {
            BadAsk::Unreadable(_) => None,
            BadAsk::Missing { field, .. }
            | BadAsk::Type { field, .. }
            | BadAsk::Value { field, .. } => Some(field),
        }
    }
}

/// Reads and validates a request body: one pass over its bytes.
pub fn read(format: Format, operation: Operation, body: &[u8]) -> Result<Ask, BadAsk> {
    let mut walk = Walk::new(Depth::Bulk);
    let fields = Fields::read_with(body, |name, scanner| match TURNS.contains(&name) {
        true => walk.turns(scanner),
        false => scanner.value().map(drop),
    })?;
    let mut ask = Ask {
        model: String::new(),
        stream: false,
        max_output: None,
        wants_usage: false,
        input_bytes: body.len() as u64,
        images: 0,
        choices: 1,
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
            (Chat, "n") => self.answers(count("n", value)?),
            (Chat, "best_of") if operation == Operation::Completion => {
                self.answers(count("best_of", value)?)
            }
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
                Part::Media(span) => self.input_bytes -= (span.end - span.start) as u64 / 8 * 7,
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
        (Format::Chat, _) if get("messages").is_none() && get("input").is_some() => {
            let problem = "belongs to /v1/responses; send `messages` here, or send this body there";
            return Err(BadAsk::Value {
                field: "input",
                problem,
            });
        }
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
    crate::fields::elements(list, |_, prompt| {
        let whole = matches!(prompt.first(), Some(b'"' | b'['));
        prompts = prompts.saturating_add(u32::from(whole));
    });
    NonZero::new(prompts).map_or(1, NonZero::get)
}

fn model(value: &[u8]) -> Result<String, BadAsk> {
    let wrong = |problem| BadAsk::Value {
        field: "model",
        problem,
    };
    if value.first() != Some(&b'"') {
        return Err(BadAsk::Type {
            field: "model",
            wanted: "a string",
            found: kind(value),
        });
    }
    let name =
        text(value).ok_or_else(|| wrong("is not valid Unicode; send the name of a model"))?;
    match &*name {
        "" => Err(wrong("is empty; name the model to use")),
        name if name.len() > MAX_MODEL_BYTES => {
            Err(wrong("is longer than 512 bytes; send the name of a model"))
        }
        name if name.contains(char::is_control) => {
            Err(wrong("holds control characters; send the name of a model"))
        }
        _ => Ok(name.into_owned()),
    }
}

fn flag(field: &'static str, value: &[u8]) -> Result<bool, BadAsk> {
    match value {
        b"true" => Ok(true),
        b"false" | b"null" => Ok(false),
        other => Err(BadAsk::Type {
            field,
            wanted: "true or false",
            found: kind(other),
        }),
    }
}

fn stream_options(value: &[u8]) -> Result<bool, BadAsk> {
    object_or_null("stream_options", value)?;
    let mut wants_usage = false;
    members(value, |name, _, value| {
        if name == "include_usage" {
            wants_usage = value == b"true";
        }
    });
    Ok(wants_usage)
}

fn object_or_null(field: &'static str, value: &[u8]) -> Result<(), BadAsk> {
    match value.first() {
        Some(b'{' | b'n') => Ok(()),
        _ => Err(BadAsk::Type {
            field,
            wanted: "an object",
            found: kind(value),
        }),
    }
}

fn count(field: &'static str, value: &[u8]) -> Result<Option<u64>, BadAsk> {
    let wanted = "a whole number, zero or more";
    if value == b"null" {
        return Ok(None);
    }
    let digits = std::str::from_utf8(value).unwrap_or_default();
    match digits.parse() {
        Ok(count) => Ok(Some(count)),
        Err(_) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(BadAsk::Value {
            field,
            problem: "is too large; send a number of tokens a model can have",
        }),
        Err(_) => Err(BadAsk::Type {
            field,
            wanted,
            found: kind(value),
        }),
    }
}

/// Google's JSON reads a 32-bit integer from any spelling of a whole number, also from a string
/// (protobuf.dev, "ProtoJSON Format").
fn int32(field: &'static str, value: &[u8]) -> Result<Option<u64>, BadAsk> {
    let unquoted = text(value);
    let spelled = unquoted.as_deref().map_or(value, str::as_bytes);
    let whole = std::str::from_utf8(spelled)
        .ok()
        .and_then(|number| number.parse::<f64>().ok());
    match whole {
        Some(number) if number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&number) => {
            Ok(Some(number as u64))
        }
        _ => count(field, value),
    }
}

/// The kind of a value, for telling the caller.
pub(crate) fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-') => "a negative number",
        Some(_) if value.iter().any(|byte| b".eE".contains(byte)) => "a fractional number",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CHAT: (Format, Operation) = (Format::Chat, Operation::Chat);
    const COMPLETION: (Format, Operation) = (Format::Chat, Operation::Completion);
    const RESPONSES: (Format, Operation) = (Format::Responses, Operation::Chat);
    const MESSAGES: (Format, Operation) = (Format::Messages, Operation::Chat);
    const GEMINI: (Format, Operation) = (Format::Gemini, Operation::Chat);

    fn ask((format, operation): (Format, Operation), body: &str) -> Ask {
        read(format, operation, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    fn refusal((format, operation): (Format, Operation), body: &str) -> (Option<String>, String) {
        let error = read(format, operation, body.as_bytes()).expect_err(body);
        (error.param().map(str::to_owned), error.to_string())
    }

    #[track_caller]
    fn refused(kind: (Format, Operation), body: &str, param: &str, words: &str) {
        assert_eq!(
            refusal(kind, body),
            (Some(param.to_owned()), words.to_owned()),
            "{body}"
        );
    }

    #[test]
    fn a_chat_request_is_read() {
        let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true,
            "stream_options":{"include_obfuscation":false,"include_usage":true},"max_completion_tokens":100,"n":3}"#;
        let ask = ask(CHAT, body);
        assert_eq!(
            (&*ask.model, ask.stream, ask.max_output, ask.wants_usage),
            ("gpt-4o", true, Some(100), true)
        );
        assert_eq!(
            (ask.input_bytes, ask.images, ask.choices),
            (body.len() as u64, 0, 3)
        );
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let body = r#"{"model":"m","messages":[],"stream":null,"stream_options":null,"max_tokens":null,"n":null}"#;
        let ask = ask(CHAT, body);
        assert_eq!(
            (ask.stream, ask.max_output, ask.wants_usage, ask.choices),
            (false, None, false, 1)
        );
    }

    #[test]
    fn the_larger_of_two_maxima_bounds_the_answer() {
        let both = ask(
            CHAT,
            r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":50}"#,
        );
        assert_eq!(both.max_output, Some(50));
        let one = ask(
            CHAT,
            r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":null}"#,
        );
        assert_eq!(one.max_output, Some(5));
    }

    #[test]
    fn of_repeated_fields_the_last_is_read() {
        let ask = ask(
            CHAT,
            r#"{"model":"a","messages":1,"stream":true,"mod\u0065l":"b","messages":[],"stream":false}"#,
        );
        assert_eq!((&*ask.model, ask.stream), ("b", false));
    }

    #[test]
    fn a_model_in_other_letter_case_is_not_left_to_the_upstream() {
        let words = "`model` also comes in other letter case; send it once, in lower case";
        refused(
            CHAT,
            r#"{"model":"cheap","Model":"dear","messages":[]}"#,
            "model",
            words,
        );
        refused(
            MESSAGES,
            r#"{"MOD\u0045L":"dear","model":"cheap","messages":[]}"#,
            "model",
            words,
        );
    }

    #[test]
    fn the_model_must_be_a_name() {
        refused(
            CHAT,
            r#"{"messages":[]}"#,
            "model",
            "`model` is missing; name the model to use",
        );
        refused(
            CHAT,
            r#"{"model":7,"messages":[]}"#,
            "model",
            "`model` must be a string, not a number",
        );
        refused(
            CHAT,
            r#"{"model":null,"messages":[]}"#,
            "model",
            "`model` must be a string, not null",
        );
        refused(
            CHAT,
            r#"{"model":"","messages":[]}"#,
            "model",
            "`model` is empty; name the model to use",
        );
        let long = format!(r#"{{"model":"{}","messages":[]}}"#, "x".repeat(513));
        refused(
            CHAT,
            &long,
            "model",
            "`model` is longer than 512 bytes; send the name of a model",
        );
        let control = r#"{"model":"a\u0000b","messages":[]}"#;
        refused(
            CHAT,
            control,
            "model",
            "`model` holds control characters; send the name of a model",
        );
        let surrogate = r#"{"model":"\ud800","messages":[]}"#;
        refused(
            CHAT,
            surrogate,
            "model",
            "`model` is not valid Unicode; send the name of a model",
        );
        assert_eq!(
            ask(CHAT, r#"{"model":"a\/\u0062","messages":[]}"#).model,
            "a/b"
        );
    }

    #[test]
    fn fields_of_the_wrong_type_are_named() {
        refused(
            CHAT,
            r#"{"model":"m","messages":[],"stream":"true"}"#,
            "stream",
            "`stream` must be true or false, not a string",
        );
        refused(
            CHAT,
            r#"{"model":"m","messages":[],"stream_options":[]}"#,
            "stream_options",
            "`stream_options` must be an object, not an array",
        );
        for (number, found) in [
            ("-1", "a negative number"),
            ("1.5", "a fractional number"),
            ("1e3", "a fractional number"),
            ("\"5\"", "a string"),
            ("true", "a boolean"),
        ] {
            let body = format!(r#"{{"model":"m","messages":[],"max_tokens":{number}}}"#);
            refused(
                CHAT,
                &body,
                "max_tokens",
                &format!("`max_tokens` must be a whole number, zero or more, not {found}"),
            );
        }
        let huge = r#"{"model":"m","messages":[],"max_tokens":99999999999999999999}"#;
        refused(
            CHAT,
            huge,
            "max_tokens",
            "`max_tokens` is too large; send a number of tokens a model can have",
        );
        refused(
            RESPONSES,
            r#"{"model":"m","input":"x","max_output_tokens":{}}"#,
            "max_output_tokens",
            "`max_output_tokens` must be a whole number, zero or more, not an object",
        );
    }

    #[test]
    fn the_conversation_must_be_there() {
        refused(
            CHAT,
            r#"{"model":"m"}"#,
            "messages",
            "`messages` is missing; send the conversation as an array of messages",
        );
        refused(
            CHAT,
            r#"{"model":"m","messages":"hi"}"#,
            "messages",
            "`messages` must be an array, not a string",
        );
        refused(
            MESSAGES,
            r#"{"model":"m","messages":{}}"#,
            "messages",
            "`messages` must be an array, not an object",
        );
        refused(
            GEMINI,
            r#"{"contents":"hi"}"#,
            "contents",
            "`contents` must be an array, not a string",
        );
        refused(
            RESPONSES,
            r#"{"model":"m"}"#,
            "input",
            "`input` is missing; send a string or an array of items",
        );
        refused(
            COMPLETION,
            r#"{"model":"m"}"#,
            "prompt",
            "`prompt` is missing; send the text to complete",
        );
        refused(
            CHAT,
            r#"{"model":"m","input":"hi"}"#,
            "input",
            "`input` belongs to /v1/responses; send `messages` here, or send this body there",
        );
        ask(RESPONSES, r#"{"model":"m","input":"hi"}"#);
        ask(
            RESPONSES,
            r#"{"model":"m","previous_response_id":"resp_1"}"#,
        );
        ask(
            RESPONSES,
            r#"{"model":"m","prompt":{"id":"p"},"input":null}"#,
        );
        ask(
            (Format::Gemini, Operation::Count),
            r#"{"generateContentRequest":{"contents":[]}}"#,
        );
        ask(
            (Format::Messages, Operation::Count),
            r#"{"model":"m","messages":[]}"#,
        );
    }

    #[test]
    fn what_is_no_json_object_is_told_without_repeating_it() {
        for (body, words) in [
            (
                "[]",
                "the request body cannot be read: not a JSON object; send one JSON object in UTF-8",
            ),
            (
                "",
                "the request body cannot be read: unexpected end at byte 0; send one JSON object in UTF-8",
            ),
            (
                "{\"model\":secret}",
                "the request body cannot be read: expected a value at byte 9; send one JSON object in UTF-8",
            ),
        ] {
            assert_eq!(refusal(CHAT, body), (None, words.to_owned()));
        }
    }

    #[test]
    fn gemini_says_its_maxima_inside_the_generation_config() {
        let body = r#"{"contents":[],"stream":7,"generation_config":{"max_output_tokens":"64","candidateCount":2.0}}"#;
        let ask = ask(GEMINI, body);
        assert_eq!(
            (&*ask.model, ask.stream, ask.max_output, ask.choices),
            ("", false, Some(64), 2)
        );
        let words = "`generationConfig.maxOutputTokens` must be a whole number, zero or more, not a negative number";
        refused(
            GEMINI,
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":-1}}"#,
            "generationConfig.maxOutputTokens",
            words,
        );
        refused(
            GEMINI,
            r#"{"contents":[],"generationConfig":[]}"#,
            "generationConfig",
            "`generationConfig` must be an object, not an array",
        );
    }

    #[test]
    fn a_completion_answers_every_prompt() {
        assert_eq!(
            ask(
                COMPLETION,
                r#"{"model":"m","prompt":["a","b"],"n":3,"best_of":5}"#
            )
            .choices,
            10
        );
        assert_eq!(
            ask(COMPLETION, r#"{"model":"m","prompt":[1,2,3]}"#).choices,
            1
        );
        assert_eq!(
            ask(COMPLETION, r#"{"model":"m","prompt":[[1],[2]]}"#).choices,
            2
        );
        assert_eq!(
            ask(COMPLETION, r#"{"model":"m","prompt":"a","n":0}"#).choices,
            1
        );
    }

    #[test]
    fn images_are_counted_and_not_weighed_as_text() {
        let image = format!(
            r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}"#,
            "QUJD".repeat(1000)
        );
        let text = r#"{"model":"m","messages":[{"role":"user","content":["#;
        let asked = ask(CHAT, &format!("{text}{image},{image}]}}]}}"));
        assert_eq!(
            (asked.images, asked.input_bytes),
            (2, text.len() as u64 + 5)
        );
        let sound = format!(
            r#"{{"type":"input_audio","input_audio":{{"data":"{}"}}}}"#,
            "QUJD".repeat(1000)
        );
        let asked = ask(CHAT, &format!("{text}{sound}]}}]}}"));
        let left = sound.len() as u64 - sound.len() as u64 / 8 * 7;
        assert_eq!(
            (asked.images, asked.input_bytes),
            (0, text.len() as u64 + 4 + left)
        );
    }
}
