//! Long texts as JSON strings, many bytes at a time: `serde_json` looks at each.

use std::fmt::Write;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::scan::plain_len;

/// Shorter texts are not worth it.
const LONG: usize = 128;

/// Serialises a text, for `serialize_with`.
pub(crate) fn text<S: Serializer>(text: &impl AsRef<str>, to: S) -> Result<S::Ok, S::Error> {
    let text = text.as_ref();
    match (text.len() >= LONG).then(|| raw(text)).flatten() {
        Some(raw) => raw.serialize(to),
        None => text.serialize(to),
    }
}

/// The same, of a text that there may be.
pub(crate) fn optional<S: Serializer>(
    optional: &Option<impl AsRef<str>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match optional {
        Some(there) => text(there, to),
        None => to.serialize_none(),
    }
}

/// The string in JSON, escaped as `serde_json` does it.
fn raw(text: &str) -> Option<Box<RawValue>> {
    let mut json = String::with_capacity(text.len() + text.len() / 32 + 2);
    json.push('"');
    let mut rest = text;
    loop {
        // All special bytes are ASCII, so each stands alone.
        let (plain, more) = rest.split_at(plain_len(rest.as_bytes()));
        json.push_str(plain);
        let Some(special) = more.bytes().next() else {
            break;
        };
        match special {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            0x08 => json.push_str("\\b"),
            0x0c => json.push_str("\\f"),
            other => write!(json, "\\u{other:04x}").ok()?,
        }
        rest = &more[1..];
    }
    json.push('"');
    // It looks through it once more, eight bytes at a time.
    RawValue::from_string(json).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize)]
    struct Fast<'a> {
        #[serde(serialize_with = "text")]
        text: &'a str,
        #[serde(serialize_with = "optional")]
        there: Option<&'a str>,
        #[serde(serialize_with = "optional")]
        none: Option<String>,
    }

    #[derive(Serialize)]
    struct Slow<'a> {
        text: &'a str,
        there: Option<&'a str>,
        none: Option<String>,
    }

    fn check(text: &str) {
        let (there, none) = (Some(text), None);
        let fast = Fast {
            text,
            there,
            none: none.clone(),
        };
        let slow = serde_json::to_string(&Slow { text, there, none }).unwrap();
        assert_eq!(serde_json::to_string(&fast).unwrap(), slow);
        let value = serde_json::to_value(&fast).unwrap();
        assert_eq!(value["text"].as_str(), Some(text));
    }

    #[test]
    fn every_character_is_written_as_it_always_was() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        check(&all);
        check("");
        check("short \" \\ \u{1}");
        check(&"\u{0}\u{1f}\u{7f}\"\\/\n😀".repeat(40));
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_it_always_was(text in any::<String>(), times in 1..20_usize) {
            check(&text.repeat(times));
        }
    }
}
