//! Takes secrets out of an error event that comes after a stream's first content: by then the
//! stream is the caller's, byte for byte, but for this.

use bytes::Bytes;

/// The slices as one, with `clean` in the place of `message` wherever that stands in a JSON string;
/// `None` when it stands nowhere: providers escape more than they must, or cut it over two chunks.
pub(crate) fn cleaned(slices: &[Bytes], message: &str, clean: &str) -> Option<Bytes> {
    let whole = slices.concat();
    let clean = quoted(clean);
    let strict = quoted(message);
    // PHP writes slashes so.
    let lax = strict.replace('/', "\\/");
    let found = [strict, lax]
        .into_iter()
        .find(|dirty| memchr::memmem::find(&whole, dirty.as_bytes()).is_some())?;
    let mut out = Vec::with_capacity(whole.len());
    let mut rest = &whole[..];
    while let Some(at) = memchr::memmem::find(rest, found.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(clean.as_bytes());
        rest = &rest[at + found.len()..];
    }
    out.extend_from_slice(rest);
    Some(out.into())
}

/// The text as the inside of a JSON string.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunk: &str, message: &str, expected: Option<&str>) {
        let (one, two) = chunk.split_at(chunk.len() / 2);
        let slices = [one, two].map(|part| Bytes::copy_from_slice(part.as_bytes()));
        let found = cleaned(&slices, message, "a \"mark\"");
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{chunk}");
    }

    #[test]
    fn only_the_message_changes_in_whatever_way_it_is_escaped() {
        check(
            "data: {\"a\":1}\n\ndata: {\"error\":{\"message\":\"key \\\"k\\\" at http://h/\",\"x\": 1.0}}\n\n",
            "key \"k\" at http://h/",
            Some(
                "data: {\"a\":1}\n\ndata: {\"error\":{\"message\":\"a \\\"mark\\\"\",\"x\": 1.0}}\n\n",
            ),
        );
        check(
            "{\"message\":\"http:\\/\\/h\"}",
            "http://h",
            Some("{\"message\":\"a \\\"mark\\\"\"}"),
        );
        check("{\"message\":\"\\u0068ttp\"}", "http", None);
    }
}
