//! Query strings: the key taken out, the rest kept as it came.

/// Decodes `%XX`; `None` when the result is not UTF-8. A lone `%` stays as it is.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_string());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// The decoded value of `name`.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| percent_decode(&value.replace('+', " ")))
}

/// The query without the gateway's own parameters: `key` is a credential, `api-version`
/// belongs to the channel.
pub(crate) fn forwarded(query: &str) -> String {
    let keep = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        // An escaped spelling of `key` must not slip through.
        let name = percent_decode(name).unwrap_or_default();
        !pair.is_empty() && name != "key" && name != "api-version"
    };
    let kept: Vec<&str> = query.split('&').filter(keep).collect();
    kept.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_never_travels_on() {
        assert_eq!(forwarded("key=sk-1&alt=sse"), "alt=sse");
        assert_eq!(forwarded("a=1&%6Bey=sk-1&b=%20x"), "a=1&b=%20x");
        assert_eq!(forwarded("api-version=2024-10-21"), "");
        assert_eq!(forwarded(""), "");
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(value("alt=sse&key=sk%2D1", "key").as_deref(), Some("sk-1"));
        assert_eq!(value("alt=sse", "key"), None);
        assert_eq!(percent_decode("100%"), Some("100%".into()));
        assert_eq!(percent_decode("%ff"), None);
    }
}
