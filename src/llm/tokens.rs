//! Counts tokens where no provider told them: an estimate, and marked as one by who uses it.

use crate::Format;
use crate::fields::{Fields, inside};
use crate::parts::{Depth, Part, TURNS, Walk};
use crate::scan::Span;

/// Tokens an image is taken to cost. The true number depends on its size in pixels, which is not
/// in the request: 765 is what OpenAI bills for a 1024 x 1024 image in high detail (85 and 4
/// tiles of 170), and lies between Gemini's 258 a tile and Anthropic's maximum of about 1,600.
pub const IMAGE: u64 = 765;

/// Tokens around each message and at the end of a request (OpenAI cookbook, "How to count tokens").
const PER_TURN: u64 = 3;
/// Base64 bytes of sound, video or a file for one token. A guess at the middle of what occurs:
/// speech at 32 kbit/s is one for 170, a page of a PDF one for 20 to 50.
const BLOB_BYTES_PER_TOKEN: u64 = 48;
/// Most text that is tokenised for one number, about 30 ms of work. Longer texts are sampled.
const WHOLE: usize = 256 << 10;
/// The size of each of the samples from the start, the middle and the end of a longer text.
const SAMPLE: usize = 64 << 10;
/// Bytes per token when there is no text to learn it from.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of a text by OpenAI's `o200k_base`, in linear time. Above 256 KiB it is an estimate
/// from three samples.
pub fn count(text: &str) -> u64 {
    if text.len() <= WHOLE {
        return exact(text);
    }
    let mut tokens = 0;
    let mut bytes = 0;
    for start in windows(text.len()) {
        let sample =
            &text[text.ceil_char_boundary(start)..text.floor_char_boundary(start + SAMPLE)];
        tokens += exact(sample);
        bytes += sample.len();
    }
    scale(tokens, bytes, text.len() as u64)
}

/// Tokens of a text of which only a sample was kept.
pub fn sampled(sample: &str, total_bytes: u64) -> u64 {
    scale(count(sample), sample.len(), total_bytes)
}

/// Tokens of a request's input: every text, tool definition and tool call, three for each turn, images and
/// blobs by rates. Zero for a body that is no request.
pub fn input(format: Format, body: &[u8]) -> u64 {
    let mut walk = Walk::new(Depth::All);
    let mut other = Vec::new();
    let read = Fields::read_with(body, |name, scanner| {
        if TURNS.contains(&name) {
            return walk.turns(scanner);
        }
        if told(format, name) {
            return walk.content(scanner);
        }
        let value = scanner.value()?;
        if shown(name) {
            other.push(Part::Json(value));
        }
        Ok(())
    });
    if read.is_err() {
        return 0;
    }
    if walk.full {
        return sampled(
            &String::from_utf8_lossy(&body[..SAMPLE.min(body.len())]),
            body.len() as u64,
        );
    }
    walk.parts.extend(other);
    weigh(&walk.parts, body)
}

/// Members that hold text for the model besides the turns.
fn told(format: Format, name: &str) -> bool {
    match name {
        "system"
        | "instructions"
        | "systemInstruction"
        | "system_instruction"
        | "generateContentRequest" => true,
        "prompt" => matches!(format, Format::Chat | Format::Responses),
        _ => false,
    }
}

/// Members that the model is shown in some form of their JSON.
fn shown(name: &str) -> bool {
    matches!(
        name,
        "tools" | "functions" | "response_format" | "output_config"
    )
}

fn weigh(parts: &[Part], body: &[u8]) -> u64 {
    let mut tokens = PER_TURN;
    let mut texts = Vec::new();
    let blob = |span: Span| (span.end - span.start) as u64 / BLOB_BYTES_PER_TOKEN;
    for part in parts {
        match *part {
            Part::Turn => tokens += PER_TURN,
            Part::Token => tokens += 1,
            Part::Image(_) => tokens += IMAGE,
            Part::Media(span) | Part::File(span) => tokens += blob(span),
            Part::Text(span) => texts.push(inside(span.of(body))),
            Part::Json(span) => texts.push(span.of(body)),
        }
    }
    tokens + count_all(&texts)
}

/// Tokens of escaped texts, with the same bound on work as for one long text.
fn count_all(texts: &[&[u8]]) -> u64 {
    let total: usize = texts.iter().map(|text| text.len()).sum();
    if total <= WHOLE {
        return texts.iter().map(|text| exact(&unescape(text))).sum();
    }
    let (mut tokens, mut bytes) = (0, 0);
    for window in windows(total) {
        let mut start = 0;
        for text in texts {
            let cut = |at: usize| at.saturating_sub(start).min(text.len());
            let sample = &text[cut(window)..cut(window + SAMPLE)];
            tokens += exact(&unescape(sample));
            bytes += sample.len();
            start += text.len();
        }
    }
    scale(tokens, bytes, total as u64)
}

/// Where the three samples of a text of that length start.
fn windows(length: usize) -> [usize; 3] {
    [0, (length - SAMPLE) / 2, length - SAMPLE]
}

fn exact(text: &str) -> u64 {
    bpe_openai::o200k_base().count(text) as u64
}

fn scale(tokens: u64, bytes: usize, total: u64) -> u64 {
    match bytes as u128 {
        0 => total.div_ceil(BYTES_PER_TOKEN),
        bytes => (u128::from(tokens) * u128::from(total)).div_ceil(bytes) as u64,
    }
}

/// The text of a piece of JSON string, cut anywhere: what cannot be read is left as it is.
fn unescape(piece: &[u8]) -> String {
    let mut text = Vec::with_capacity(piece.len());
    let mut rest = piece;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let (meant, length) = escape(&rest[at..]);
        text.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + length..];
    }
    text.extend_from_slice(rest);
    String::from_utf8_lossy(&text).into_owned()
}

/// The character of the escape at the start of `rest`, and its length.
fn escape(rest: &[u8]) -> (char, usize) {
    match rest.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
                let code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
                (
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                    12,
                )
            }
            (Some(code), _) => (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                6,
            ),
            (None, _) => ('\\', 1),
        },
        Some(&byte @ (b'"' | b'\\' | b'/')) => (char::from(byte), 2),
        _ => ('\\', 1),
    }
}

/// The UTF-16 unit of `\uXXXX`.
fn unit(rest: &[u8]) -> Option<u32> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn known_texts_have_their_known_counts() {
        assert_eq!(count(""), 0);
        assert_eq!(count("hello world"), 2);
        assert_eq!(count("antidisestablishmentarianism"), 6);
    }

    #[test]
    fn a_long_text_is_sampled_and_comes_out_close() {
        let sentence = "The quick brown fox jumps over the lazy dog, and nobody minds; 天地玄黄. ";
        let text = sentence.repeat(20_000);
        let wanted = exact(&text);
        let counted = count(&text);
        assert!(
            counted.abs_diff(wanted) * 50 < wanted,
            "{counted} is not within 2 % of {wanted}"
        );
    }

    #[test]
    fn a_sample_is_scaled_to_the_whole() {
        assert_eq!(sampled("hello world", 110), 20);
        assert_eq!(
            sampled("", 10),
            3,
            "without a sample four bytes are a token"
        );
        assert_eq!(sampled("", 0), 0);
        assert_eq!(
            sampled("hello world", u64::MAX / 2) as u128,
            (u64::MAX / 2) as u128 * 2 / 11 + 1
        );
    }

    #[test]
    fn the_input_of_every_format_is_counted_alike() {
        let [chat, responses, messages, gemini] = [
            r#"{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hello world"}]}"#,
            r#"{"model":"m","instructions":"Be kind.","input":[{"role":"user","content":[{"type":"input_text","text":"hello world"}]}]}"#,
            r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":"hello world"}]}"#,
            r#"{"systemInstruction":{"parts":[{"text":"Be kind."}]},"contents":[{"parts":[{"text":"hello world"}]}]}"#,
        ];
        let text = count("Be kind.") + count("hello world");
        assert_eq!(input(Format::Chat, chat.as_bytes()), text + 3 * 3);
        assert_eq!(input(Format::Responses, responses.as_bytes()), text + 2 * 3);
        assert_eq!(input(Format::Messages, messages.as_bytes()), text + 2 * 3);
        assert_eq!(input(Format::Gemini, gemini.as_bytes()), text + 2 * 3);
        assert_eq!(input(Format::Chat, br#"{"prompt":"hello world"}"#), 5);
        assert_eq!(input(Format::Chat, br#"{"prompt":[1,2,3,4]}"#), 7);
        assert_eq!(input(Format::Chat, b"not json"), 0);
    }

    #[test]
    fn images_count_by_the_table_and_their_bytes_do_not() {
        let data = "QUJD".repeat(50_000);
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"hello world"}},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
        );
        assert_eq!(input(Format::Chat, body.as_bytes()), 2 + 6 + IMAGE);
    }

    #[test]
    fn escapes_are_read_before_counting() {
        assert_eq!(unescape(br#"a\n\"\u00e9\ud83d\ude00\\"#), "a\n\"é😀\\");
        assert_eq!(
            unescape(br#"x\ud83dy\u12"#),
            "x\u{fffd}y\\u12",
            "cut and lone escapes stay harmless"
        );
        let plain = r#"{"messages":[{"content":"é天\n"}]}"#;
        let escaped = r#"{"messages":[{"content":"\u00e9\u5929\u000a"}]}"#;
        assert_eq!(
            input(Format::Chat, plain.as_bytes()),
            input(Format::Chat, escaped.as_bytes())
        );
    }

    #[test]
    fn many_texts_together_are_sampled_like_one() {
        let message = r#"{"role":"user","content":"The quick brown fox jumps over the lazy dog."}"#;
        let body = format!(r#"{{"messages":[{}]}}"#, vec![message; 20_000].join(","));
        let wanted = 20_000 * (count("The quick brown fox jumps over the lazy dog.") + 3) + 3;
        let counted = input(Format::Chat, body.as_bytes());
        assert!(
            counted.abs_diff(wanted) * 50 < wanted,
            "{counted} is not within 2 % of {wanted}"
        );
    }
}
