//! Takes the text of a custom tool out of the arguments of the function that stood in for it.
//!
//! Formats without custom tools are given a function with one string, `input`. What the model
//! writes for it, `{"input":"…"}`, comes in pieces and goes on as the text itself, piece by piece.

use serde::Deserialize;

use crate::fields::members;
use crate::loss::{Losses, Misfit};
use crate::meter::cut;
use crate::patch::quoted;

/// Bytes of arguments in another shape that are gathered, to be read at their end.
const MAX_OTHER_BYTES: usize = 1024 * 1024;

/// The name of the function's one argument.
const INPUT: &str = "input";

/// The schema of a function that stands in for a custom tool. The model is told of the grammar of
/// the tool's text (raw JSON), and the caller that the model is not held to it.
pub(crate) fn stand_in(grammar: Option<&str>, losses: &mut Losses) -> Result<String, Misfit> {
    let told = match grammar.filter(|grammar| !is_any_text(grammar)) {
        Some(grammar) => {
            losses.bend_at("tools.format", "the model cannot be held to a grammar")?;
            format!("The text, in exactly this format: {grammar}")
        }
        None => "The text.".to_owned(),
    };
    let input = format!(r#"{{"type":"string","description":{}}}"#, quoted(&told));
    Ok(format!(
        r#"{{"type":"object","properties":{{"{INPUT}":{input}}},"required":["{INPUT}"],"additionalProperties":false}}"#
    ))
}

/// The arguments of the function that stand for `text`.
pub(crate) fn wrapped(text: &str) -> String {
    format!("{{\"{INPUT}\":{}}}", quoted(text))
}

/// Whether a custom tool's format is any text.
fn is_any_text(grammar: &str) -> bool {
    let mut any = false;
    members(grammar.trim().as_bytes(), |name, _, value| {
        any |= name == "type" && value == b"\"text\"";
    });
    any || grammar.trim() == "null"
}

#[derive(Debug)]
enum At {
    /// Before the string; what came so far.
    Head(String),
    /// Inside the string; the beginning of an escape that is not complete.
    Text(String),
    /// Behind the string.
    Done,
    /// Arguments in another shape.
    Other(String),
}

/// The machine: arguments in, text out.
#[derive(Debug)]
pub(crate) struct FreeText(At);

#[derive(Deserialize)]
struct Input {
    input: String,
}

/// The text in complete arguments; arguments in another shape are the text.
fn free_text(arguments: &str) -> String {
    match serde_json::from_str::<Input>(arguments) {
        Ok(Input { input }) => input,
        Err(_) => arguments.to_owned(),
    }
}

impl FreeText {
    pub(crate) fn new() -> FreeText {
        FreeText(At::Head(String::new()))
    }

    /// Reads on; the text that became certain joins `out`.
    pub(crate) fn push(&mut self, arguments: &str, out: &mut String) {
        match &mut self.0 {
            At::Head(head) => {
                head.push_str(arguments);
                match after_head(head) {
                    Head::Incomplete => {}
                    Head::Ends(at) => {
                        let rest = head[at..].to_owned();
                        self.0 = At::Text(String::new());
                        self.push(&rest, out);
                    }
                    Head::Other => self.0 = At::Other(std::mem::take(head)),
                }
            }
            At::Text(held) => {
                held.push_str(arguments);
                let (read, ended) = unescape(held, out);
                held.drain(..read);
                if ended {
                    self.0 = At::Done;
                }
            }
            At::Done => {}
            At::Other(held) => {
                let room = MAX_OTHER_BYTES.saturating_sub(held.len());
                held.push_str(cut(arguments, room));
            }
        }
    }

    /// The arguments are complete; what is left of the text joins `out`.
    pub(crate) fn finish(self, out: &mut String) {
        match self.0 {
            At::Head(held) | At::Other(held) if !held.is_empty() => out.push_str(&free_text(&held)),
            _ => {}
        }
    }
}

enum Head {
    Incomplete,
    /// The string begins at that place.
    Ends(usize),
    Other,
}

/// Looks for `{"input":"`, with blanks wherever JSON allows them.
fn after_head(head: &str) -> Head {
    let mut rest = head;
    for token in ["{", "\"input\"", ":", "\""] {
        rest = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        match rest.strip_prefix(token) {
            Some(after) => rest = after,
            None if token.starts_with(rest) => return Head::Incomplete,
            None => return Head::Other,
        }
    }
    Head::Ends(head.len() - rest.len())
}

/// Unescapes as far as the escapes are complete: how many bytes were read, and whether the
/// string's end was among them.
fn unescape(held: &str, out: &mut String) -> (usize, bool) {
    let bytes = held.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let special = memchr::memchr2(b'"', b'\\', &bytes[at..]).map_or(bytes.len(), |n| at + n);
        out.push_str(&held[at..special]);
        at = special;
        match bytes.get(at) {
            None => break,
            Some(b'"') => return (at + 1, true),
            Some(_) => match escape(&held[at..]) {
                Some((character, length)) => {
                    out.push(character);
                    at += length;
                }
                None => break,
            },
        }
    }
    (at, false)
}

/// The character of the escape that `text` begins with, and the escape's length in bytes; `None`
/// while it is not complete. Half a surrogate pair is U+FFFD.
fn escape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let character = match bytes.get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode(text),
        // A character of several bytes after a backslash is no JSON; the backslash goes.
        _ => {
            let character = text[1..].chars().next()?;
            return Some((character, 1 + character.len_utf8()));
        }
    };
    Some((character, 2))
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let first = match unit(text.as_bytes().get(2..6)?) {
        Some(unit) => unit,
        None => return Some((char::REPLACEMENT_CHARACTER, 2)),
    };
    if !(0xD800..0xDC00).contains(&first) {
        let character = char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some((character, 6));
    }
    let lone = Some((char::REPLACEMENT_CHARACTER, 6));
    let rest = &text.as_bytes()[6..];
    if !rest.starts_with(&b"\\u"[..rest.len().min(2)]) {
        return lone;
    }
    match unit(rest.get(2..6)?) {
        Some(second @ 0xDC00..0xE000) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            Some((character, 12))
        }
        _ => lone,
    }
}

fn unit(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(arguments: &str, size: usize) -> String {
        let (mut machine, mut out) = (FreeText::new(), String::new());
        let characters: Vec<char> = arguments.chars().collect();
        for piece in characters.chunks(size.max(1)) {
            machine.push(&piece.iter().collect::<String>(), &mut out);
        }
        machine.finish(&mut out);
        out
    }

    #[test]
    fn the_text_comes_out_of_its_wrapping() {
        for (arguments, text) in [
            (
                r#"{"input":"*** patch\n\"x\" \\ \u00e9 \ud83d\ude00"}"#,
                "*** patch\n\"x\" \\ é 😀",
            ),
            (" { \"input\" : \"a\" } ", "a"),
            (r#"{"input":"\ud800x"}"#, "\u{fffd}x"),
            (r#"{"input":""}"#, ""),
            (r#"{"other":1,"input":"late"}"#, "late"),
            ("just text", "just text"),
            ("", ""),
        ] {
            for size in [1, 3, arguments.len()] {
                assert_eq!(
                    through(arguments, size),
                    text,
                    "{arguments} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn text_is_told_before_it_is_complete() {
        let (mut machine, mut out) = (FreeText::new(), String::new());
        machine.push(r#"{"input":"he"#, &mut out);
        assert_eq!(out, "he");
    }

    proptest! {
        #[test]
        fn every_text_survives_every_cut(text in ".{0,40}", size in 1usize..9) {
            let arguments = serde_json::json!({ "input": text }).to_string();
            prop_assert_eq!(through(&arguments, size), text);
        }

        #[test]
        fn nothing_makes_it_panic(arguments in "[{}\"\\\\u:inputd83é ]{0,40}", size in 1usize..9) {
            through(&arguments, size);
        }
    }
}
