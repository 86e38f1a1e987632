//! A tool's arguments as a JSON object, whatever text a model or a caller wrote.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::loose::{compact, whole_letters};
use crate::patch::quoted;

/// What becomes of text that is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loose {
    /// `{"_raw": "<text>"}`.
    Wrap,
    /// `None`.
    Refuse,
}

/// `text` as the text of a JSON object, compact: empty and null become `{}`, an object written into
/// a string is taken out once, numbers and key order stay as written.
pub(crate) fn arguments(text: &str, loose: Loose) -> Option<Cow<'_, str>> {
    let written = text.trim();
    if written.is_empty() || written == "null" {
        return Some(Cow::Borrowed("{}"));
    }
    let inner = serde_json::from_str::<String>(written);
    match inner.as_deref().map(str::trim) {
        Ok(inner) if is_object(inner) => Some(Cow::Owned(letters(inner).into_owned())),
        _ if is_object(written) => Some(letters(written)),
        _ if loose == Loose::Wrap => Some(Cow::Owned(format!("{{\"_raw\":{}}}", quoted(text)))),
        _ => None,
    }
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn letters(json: &str) -> Cow<'_, str> {
    match whole_letters(json.as_bytes()) {
        Cow::Owned(mended) => Cow::Owned(compact(&mended).into_owned()),
        Cow::Borrowed(_) => compact(json),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, wanted: &str) {
        let object = arguments(text, Loose::Wrap).unwrap();
        assert_eq!(object, wanted, "{text:?}");
        let again = arguments(&object, Loose::Refuse);
        assert_eq!(again.as_deref(), Some(wanted), "an object stays as it is");
    }

    #[test]
    fn an_object_stays_as_it_was_written() {
        check(r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#);
        check(" {\"a\" : 1.0}\n", r#"{"a":1.0}"#);
        check(
            r#"{"n":12345678901234567890123,"d":1.0,"e":1E2}"#,
            r#"{"n":12345678901234567890123,"d":1.0,"e":1E2}"#,
        );
        check(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#);
        check(r#"{"q":"\ud83d\ude00"}"#, r#"{"q":"\ud83d\ude00"}"#);
    }

    #[test]
    fn nothing_is_an_empty_object() {
        for text in ["", " \n", "null", " null "] {
            check(text, "{}");
        }
    }

    #[test]
    fn an_object_inside_a_string_is_taken_out_once() {
        check(r#""{\"a\":1}""#, r#"{"a":1}"#);
        let twice = quoted(&quoted("{}"));
        check(&twice, &format!("{{\"_raw\":{}}}", quoted(&twice)));
    }

    #[test]
    fn what_is_no_object_is_wrapped_or_refused() {
        for text in ["[1]", "7", "true", "\"x\"", "{\"a\":", "{} {}", "{'a':1}"] {
            check(text, &format!("{{\"_raw\":{}}}", quoted(text)));
            assert_eq!(arguments(text, Loose::Refuse), None, "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        check(r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#);
    }

    proptest! {
        #[test]
        fn any_text_becomes_an_object(text in "\\PC*|[\\[\\]{}\":,0-9a\\\\ ]{0,24}") {
            let object = arguments(&text, Loose::Wrap).unwrap();
            let value: serde_json::Value = serde_json::from_str(&object).unwrap();
            prop_assert!(value.is_object());
        }
    }
}
