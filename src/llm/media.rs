//! Data URLs, and what bytes say of their own type.

use crate::ir::Source;

/// The bytes inside a `data:` URL (RFC 2397), as base64 with a type: percent-encoded data is
/// encoded anew, `image/jpg` is `image/jpeg`, a missing type is told by the bytes. `None` when `url`
/// is no data URL; an error says what is wrong with it.
pub(crate) fn data_url(_url: &str) -> Option<Result<Source<'_>, &'static str>> {
    None
}

/// `data:<mime>;base64,<base64>`.
pub(crate) fn to_data_url(mime: &str, base64: &str) -> String {
    format!("data:{mime};base64,{base64}")
}

/// The type that the first bytes of base64 data give away: png, jpeg, gif, webp, pdf, wav, mp3.
pub(crate) fn sniff(_base64: &str) -> Option<&'static str> {
    None
}
