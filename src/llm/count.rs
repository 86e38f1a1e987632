//! Counting a request's tokens at an upstream of another format: Messages and Gemini can.
//!
//! <https://docs.anthropic.com/en/api/messages-count-tokens>,
//! <https://ai.google.dev/api/tokens#method:-models.counttokens>

use crate::Format;
use crate::convert::{Asked, Target, convert};
use crate::fields::Fields;
use crate::loose::{Count, Slot, loose};
use crate::loss::Misfit;
use crate::patch::{Patch, quoted};

/// Largest answer to a counting request, in bytes.
pub const MAX_COUNT_BYTES: usize = 64 * 1024;

/// What Anthropic counts; it refuses every other field.
const COUNTED: [&str; 8] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "mcp_servers",
];

loose! {
    struct Answer {
        "input_tokens" | "totalTokens" => tokens: Count,
    }
}

/// Whether a format has an endpoint that counts.
pub fn can_count(format: Format) -> bool {
    matches!(format, Format::Messages | Format::Gemini)
}

/// The counting request for `to` out of one of format `from`.
pub fn request(
    from: Format,
    body: &[u8],
    asked: &Asked<'_>,
    to: &Target<'_>,
) -> Result<Vec<u8>, Misfit> {
    let body = convert(from, &unwrapped(from, body), asked, to)?.body;
    Ok(match to.format {
        Format::Gemini => wrapped(&body, to.model),
        _ => only_counted(body),
    })
}

/// A Gemini caller may wrap its whole request to have system prompt and tools counted.
fn unwrapped(from: Format, body: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let inside = || {
        let fields = Fields::read(body).ok()?;
        let names = ["generateContentRequest", "generate_content_request"];
        let inside = names.iter().find_map(|name| fields.get(body, name))?;
        inside.starts_with(b"{").then(|| inside.to_vec())
    };
    match from {
        Format::Gemini => inside().map_or(body.into(), Into::into),
        _ => body.into(),
    }
}

/// `countTokens` counts contents alone, unless the whole request comes in a wrapper.
fn wrapped(body: &[u8], model: &str) -> Vec<u8> {
    let name = match model.contains('/') {
        true => quoted(model),
        false => quoted(&format!("models/{model}")),
    };
    let inside = body.strip_prefix(b"{").unwrap_or(body);
    let comma: &[u8] = match inside.first() {
        Some(b'}') => b"",
        _ => b",",
    };
    let head = format!("{{\"generateContentRequest\":{{\"model\":{name}");
    [head.as_bytes(), comma, inside, b"}"].concat()
}

fn only_counted(body: Vec<u8>) -> Vec<u8> {
    let Ok(fields) = Fields::read(&body) else {
        return body;
    };
    let mut patch = Patch::new(&body, &fields);
    for (name, _) in fields.iter(&body) {
        if !COUNTED.contains(&&*name) {
            patch.remove(&name);
        }
    }
    patch.finish().unwrap_or(body)
}

/// The caller's answer out of the upstream's; `None`: it holds no count.
pub fn reply(to: Format, body: &[u8]) -> Option<Vec<u8>> {
    let answer = serde_json::from_slice::<Slot<Answer>>(body).ok()?.0?;
    Some(told(to, answer.tokens.0?))
}

/// `tokens` in the caller's words.
pub fn told(to: Format, tokens: u64) -> Vec<u8> {
    match to {
        Format::Gemini => format!("{{\"totalTokens\":{tokens}}}"),
        _ => format!("{{\"input_tokens\":{tokens}}}"),
    }
    .into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::Quirks;
    use crate::loss::Strictness;

    fn sent(from: Format, to: Format, body: Value) -> Value {
        let target = Target {
            format: to,
            model: "m-1",
            quirks: Quirks::NONE,
            strictness: Strictness::Lenient,
            max_output: None,
            default_output: 1024,
        };
        let asked = Asked {
            model: "m",
            stream: false,
            wish: None,
        };
        let body = request(from, body.to_string().as_bytes(), &asked, &target).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn gemini_counts_the_whole_request_in_a_wrapper() {
        let body = json!({"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]});
        let sent = sent(Format::Messages, Format::Gemini, body);
        let whole = &sent["generateContentRequest"];
        assert_eq!(whole["model"], json!("models/m-1"));
        assert_eq!(whole["contents"][0]["parts"][0]["text"], json!("hi"));
        assert_eq!(
            whole["systemInstruction"]["parts"][0]["text"],
            json!("Be brief.")
        );
    }

    #[test]
    fn anthropic_gets_only_what_it_counts() {
        let contents = json!([{"role": "user", "parts": [{"text": "hi"}]}]);
        let plain = json!({"contents": contents});
        let wrapped = json!({"generateContentRequest": {"model": "models/m", "contents": contents,
            "generationConfig": {"temperature": 0.5}}});
        for body in [plain, wrapped] {
            let sent = sent(Format::Gemini, Format::Messages, body);
            assert_eq!(sent["messages"][0]["role"], json!("user"));
            assert_eq!(
                (&sent["max_tokens"], &sent["temperature"]),
                (&Value::Null, &Value::Null)
            );
        }
    }

    #[test]
    fn a_count_is_told_in_either_word() {
        assert_eq!(
            reply(Format::Gemini, br#"{"input_tokens":7}"#).unwrap(),
            br#"{"totalTokens":7}"#
        );
        assert_eq!(
            reply(Format::Messages, br#"{"totalTokens":7,"x":[]}"#).unwrap(),
            br#"{"input_tokens":7}"#
        );
        assert_eq!(reply(Format::Messages, br#"{"error":"no"}"#), None);
        assert_eq!(reply(Format::Messages, b"<html>"), None);
    }
}
