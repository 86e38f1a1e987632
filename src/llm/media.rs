//! Data URLs, and what bytes say of their own type.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Source, Text};

/// Characters of base64 that are decoded to see the first bytes; a multiple of four.
const HEAD: usize = 32;

/// The bytes inside a `data:` URL (RFC 2397), as base64 with a type: percent-encoded data is
/// encoded anew, `image/jpg` is `image/jpeg`, a missing type is told by the bytes. `None` when `url`
/// is no data URL; an error says what is wrong with it.
pub(crate) fn data_url(url: &str) -> Option<Result<Source<'_>, &'static str>> {
    data_scheme(url).map(inside)
}

/// What stands behind `data:`.
fn data_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_at_checked("data:".len())?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
}

fn inside(url: &str) -> Result<Source<'_>, &'static str> {
    let (head, data) = url
        .split_once(',')
        .ok_or("is a data URL without a comma before its data")?;
    let mut words = head.split(';').map(str::trim);
    let declared = words.next().unwrap_or_default();
    let is_base64 = words.any(|word| word.eq_ignore_ascii_case("base64"));
    let data = match is_base64 {
        true => base64(data).ok_or("is a data URL whose data is not base64")?,
        false => Cow::Owned(STANDARD.encode(unescaped(data))),
    };
    if data.is_empty() {
        return Err("is a data URL without data");
    }
    let mime = match declared {
        "" if is_base64 => sniff(&data).map(Cow::Borrowed),
        "" => Some(Cow::Borrowed("text/plain")),
        declared => Some(mime(declared)),
    };
    Ok(Source::Bytes {
        mime: mime.ok_or("is a data URL without a media type")?,
        base64: data,
    })
}

/// A media type in its usual spelling.
pub(crate) fn mime(declared: &str) -> Text<'_> {
    let lower = match declared.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(declared.to_ascii_lowercase()),
        false => Cow::Borrowed(declared),
    };
    match &*lower {
        "image/jpg" | "image/pjpeg" => Cow::Borrowed("image/jpeg"),
        "audio/x-wav" | "audio/wave" => Cow::Borrowed("audio/wav"),
        "audio/mp3" => Cow::Borrowed("audio/mpeg"),
        _ => lower,
    }
}

/// `text` as base64 of the standard alphabet with padding and nothing else: line breaks go, the
/// URL alphabet and percent escapes are translated, missing padding is added. `None` when it is
/// no base64.
pub(crate) fn base64<'a>(text: impl Into<Text<'a>>) -> Option<Text<'a>> {
    let text = text.into();
    if is_standard(text.as_bytes()) {
        return Some(text);
    }
    let bytes = match text.contains('%') {
        true => unescaped(&text),
        false => text.as_bytes().to_vec(),
    };
    let letters = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace());
    let mut plain: Vec<u8> = letters
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    while plain.last() == Some(&b'=') {
        plain.pop();
    }
    // Padding of nothing is no data.
    if plain.is_empty() {
        return None;
    }
    plain.resize(plain.len().next_multiple_of(4), b'=');
    let text = String::from_utf8(plain).ok()?;
    is_standard(text.as_bytes()).then_some(Cow::Owned(text))
}

fn is_standard(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let letters = &text[..text.len() - padding];
    text.len().is_multiple_of(4)
        && padding <= 2
        && letters
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// The bytes that percent escapes stand for; a `%` that begins none stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

/// What is fetched for a caller: the web, and Google's storage. Servers that people run themselves
/// also open `file://` and plain paths, which would show a caller what lies on their disks.
const SCHEMES: [&str; 3] = ["http://", "https://", "gs://"];

/// What an address of another kind is told.
pub(crate) const NOT_FETCHED: &str =
    "must be a data URL, or an address that begins with http:// or https://";

/// What an address means: the bytes a data URL holds, or something to be fetched.
pub(crate) fn source(url: Text<'_>) -> Result<Source<'_>, &'static str> {
    let inside = match &url {
        Cow::Borrowed(url) => data_url(url),
        Cow::Owned(url) => data_url(url).map(|found| found.map(Source::into_owned)),
    };
    match inside {
        Some(inside) => inside,
        None if is_fetched(&url) => Ok(Source::Url { url, mime: None }),
        None => Err(NOT_FETCHED),
    }
}

/// Whether it is an address that may be fetched for a caller.
pub(crate) fn is_fetched(url: &str) -> bool {
    let begins = |scheme: &str| {
        let start = url.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    SCHEMES.iter().any(|scheme| begins(scheme))
}

/// Whether data are neither a data URL nor an address: then they can only be base64.
pub(crate) fn is_bare(data: &str) -> bool {
    data_scheme(data).is_none() && !data.contains("://")
}

/// The text of a file where there is no place for its name: that stands before it.
pub(crate) fn titled<'a>(name: Option<&str>, said: Text<'a>) -> Text<'a> {
    match name {
        Some(name) => Cow::Owned(format!("{name}\n\n{said}")),
        None => said,
    }
}

/// `data:<mime>;base64,<base64>`.
pub(crate) fn to_data_url(mime: &str, base64: &str) -> String {
    format!("data:{mime};base64,{base64}")
}

/// The type that the first bytes of base64 data give away: png, jpeg, gif, webp, pdf, wav, mp3.
pub(crate) fn sniff(base64: &str) -> Option<&'static str> {
    let head = &base64.as_bytes()[..base64.len().min(HEAD)];
    let head = STANDARD.decode(head).ok()?;
    Some(match head.as_slice() {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WEBP") => {
            "image/webp"
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WAVE") => "audio/wav",
        [b'%', b'P', b'D', b'F', b'-', ..] => "application/pdf",
        [b'I', b'D', b'3', ..] => "audio/mpeg",
        // Eleven bits of synchronisation, then layer III.
        [0xFF, second, ..] if second & 0xE6 == 0xE2 => "audio/mpeg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const PNG: &str = "iVBORw0KGgo=";

    fn check(url: &str, wanted: Result<(&str, &str), &str>) {
        let found = data_url(url).expect("a data URL");
        let wanted = wanted.map(|(mime, base64)| Source::Bytes {
            mime: mime.into(),
            base64: base64.into(),
        });
        assert_eq!(found, wanted, "{url}");
    }

    #[test]
    fn base64_is_taken_as_it_stands() {
        check("data:image/png;base64,AAAA", Ok(("image/png", "AAAA")));
        check("DATA:IMAGE/PNG;BASE64,AAAA", Ok(("image/png", "AAAA")));
        check("data:image/jpg;base64,AAAA", Ok(("image/jpeg", "AAAA")));
        check(
            "data:image/png;charset=utf-8;base64,AAAA",
            Ok(("image/png", "AAAA")),
        );
        check(
            "data:image/svg+xml;base64,AAAA",
            Ok(("image/svg+xml", "AAAA")),
        );
    }

    #[test]
    fn padding_of_nothing_is_no_data() {
        assert_eq!(base64("="), None);
        assert_eq!(base64(" == "), None);
    }

    #[test]
    fn base64_of_another_kind_is_brought_into_shape() {
        check("data:image/png;base64,AA\r\nAA", Ok(("image/png", "AAAA")));
        check("data:image/png;base64,-_-_", Ok(("image/png", "+/+/")));
        check("data:image/png;base64,AAA", Ok(("image/png", "AAA=")));
        check("data:image/png;base64,%2BAA%3D", Ok(("image/png", "+AA=")));
    }

    #[test]
    fn data_without_the_flag_is_percent_encoded() {
        check("data:text/plain,a%20b%", Ok(("text/plain", "YSBiJQ==")));
        check("data:,hi", Ok(("text/plain", "aGk=")));
        check("data:image/png,%89PNG", Ok(("image/png", "iVBORw==")));
    }

    #[test]
    fn a_missing_type_is_told_by_the_bytes() {
        check(&format!("data:;base64,{PNG}"), Ok(("image/png", PNG)));
        check(
            "data:;base64,AAAA",
            Err("is a data URL without a media type"),
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let comma = "is a data URL without a comma before its data";
        check("data:image/png;base64", Err(comma));
        let data = "is a data URL whose data is not base64";
        for bad in ["A", "AA=A", "A!AA", "AAé="] {
            check(&format!("data:image/png;base64,{bad}"), Err(data));
        }
        check("data:image/png;base64,", Err("is a data URL without data"));
    }

    #[test]
    fn other_addresses_are_no_data_urls() {
        for url in ["https://example.com/a.png", "data", "", "dätа:,x"] {
            assert_eq!(data_url(url), None, "{url}");
        }
        assert_eq!(
            to_data_url("image/png", "AAAA"),
            "data:image/png;base64,AAAA"
        );
    }

    #[test]
    fn bytes_give_their_type_away() {
        let check = |bytes: &[u8], wanted| {
            let long = [bytes, &[7; 40]].concat();
            for bytes in [bytes, &long] {
                assert_eq!(sniff(&STANDARD.encode(bytes)), wanted, "{bytes:?}");
            }
        };
        check(b"\x89PNG\r\n\x1a\n", Some("image/png"));
        check(b"\xFF\xD8\xFF\xE0", Some("image/jpeg"));
        check(b"GIF89a", Some("image/gif"));
        check(b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some("image/webp"));
        check(b"RIFF\x01\x02\x03\x04WAVEfmt ", Some("audio/wav"));
        check(b"%PDF-1.7", Some("application/pdf"));
        check(b"ID3\x04", Some("audio/mpeg"));
        check(b"\xFF\xFB\x90", Some("audio/mpeg"));
        check(b"<svg", None);
        check(b"", None);
        assert_eq!(sniff("no base64!"), None);
    }

    proptest! {
        #[test]
        fn bytes_survive_either_way_of_writing_them(
            bytes in proptest::collection::vec(any::<u8>(), 1..200),
        ) {
            let plain = STANDARD.encode(&bytes);
            let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let bare = plain.trim_end_matches('=').replace('+', "-").replace('/', "_");
            for data in [format!(";base64,{plain}"), format!(";base64,{bare}"), format!(",{escaped}")] {
                let url = format!("data:x/y{data}");
                let wanted = Source::Bytes { mime: "x/y".into(), base64: plain.as_str().into() };
                prop_assert_eq!(data_url(&url), Some(Ok(wanted)));
            }
        }

        #[test]
        fn no_url_makes_it_panic(url in "(data:)?[a-z/;,=%éA-Z0-9-]{0,60}") {
            let _ = data_url(&url);
            let _ = sniff(&url);
        }
    }
}
