#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

fn serde_accepts(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

#[test]
fn agrees_with_serde_json_on_every_corner_of_the_grammar() {
    let texts = [
        "",
        " ",
        "{}",
        "[]",
        " {} ",
        "{,}",
        "[,]",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "[}",
        "{]",
        "[[]",
        "[]]",
        "{\"a\":{}}x",
        "0",
        "-0",
        "00",
        "-",
        "-a",
        "01",
        "1.",
        ".1",
        "1.0",
        "1e",
        "1e+",
        "1e+1",
        "1E-07",
        "1.e1",
        "0e0",
        "+1",
        "1e999999",
        "123456789012345678901234567890",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "true",
        "tru",
        "truex",
        "nul",
        "null ",
        "falsefalse",
        "\"",
        "\"\\",
        "\"\\u",
        "\"\\u12",
        "\"\\u123\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\ud800\"",
        "\"\\udc00x\"",
        "\"\\x\"",
        "\"\\\"\"",
        "\"\\/\\b\\f\\n\\r\\t\\\\\"",
        "\"\t\"",
        "\"\n\"",
        "\"\u{7f}\"",
        "\"\u{0}\"",
        "\"\u{1f}\"",
        "\"é\"",
        "\u{feff}{}",
        "{}\u{0}",
        "\u{b}{}",
        "\u{a0}{}",
        "'a'",
        "/**/1",
        "{\"a\":1,\"a\":2}",
        "{\"\":\"\"}",
        "[\"a\"\"b\"]",
        "{\"a\"::1}",
        "[-]",
        "[1.5e3,-2E+9]",
    ];
    for text in texts {
        let (ours, theirs) = (check(text.as_bytes()), serde_accepts(text.as_bytes()));
        assert_eq!(ours.is_ok(), theirs, "{text:?}: {ours:?}");
    }
}

#[test]
fn every_byte_is_judged_alike_at_every_offset_of_a_string() {
    // Words, blocks and tail take different roads; each must stop at the same bytes.
    for length in [0, 1, 7, 8, 9, 63, 127, 128, 129, 191, 192, 193, 260] {
        for position in 0..length {
            for byte in 0..=255u8 {
                let mut text = vec![b'a'; length];
                text[position] = byte;
                let text = [b"\"", text.as_slice(), b"\""].concat();
                assert_eq!(
                    check(&text).is_ok(),
                    serde_accepts(&text),
                    "{byte} at {position} of {length}"
                );
            }
        }
    }
}

#[test]
fn depth_is_capped_instead_of_exhausting_the_stack() {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(check(&nested(128)).is_ok());
    assert_eq!(
        check(&nested(129)).unwrap_err(),
        Malformed {
            flaw: Flaw::Depth,
            at: 128
        }
    );
    assert_eq!(
        check(&b"[".repeat(1_000_000)).unwrap_err().flaw,
        Flaw::Depth
    );
    assert!(check(&b"[{}],".repeat(3)).is_err());
    let wide = format!("[{}[]]", "[{}],".repeat(1000));
    assert!(
        check(wide.as_bytes()).is_ok(),
        "closed containers must not count"
    );
}

#[test]
fn a_flaw_says_where() {
    let check = |text: &[u8]| check(text).unwrap_err().to_string();
    assert_eq!(check(b"{\"a\":tru}"), "expected a value at byte 5");
    assert_eq!(check(b"{\"a\":[1,2"), "unexpected end at byte 9");
    assert_eq!(
        check(b"{\"a\":\"x\ny\"}"),
        "unescaped control character in a string at byte 7"
    );
    assert_eq!(check(b"{\"a\":\"x\xff\"}"), "invalid UTF-8 at byte 7");
    assert_eq!(
        check(b"{} {}"),
        "unexpected bytes after the value at byte 3"
    );
}

/// Text that is nearly JSON: pieces of the grammar in any order.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "\\",
        "\\u00",
        "\\n",
        "1",
        "-",
        ".5",
        "e",
        "0",
        "true",
        "null",
        " ",
        "\n",
        "é",
        "\u{1}",
        "{\"k\":[1,\"v\"]}",
        "\"0123456789012345678901234567890123456789\"",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_pieces(text in nearly_json()) {
        prop_assert_eq!(check(&text).is_ok(), serde_accepts(&text));
    }

    #[test]
    fn agrees_with_serde_json_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(check(&bytes).is_ok(), serde_accepts(&bytes));
    }

    #[test]
    fn agrees_with_serde_json_on_damaged_json(
        text in "\\PC{0,80}", at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut body = serde_json::to_vec(&serde_json::json!({ "a": [text, 1.5e-3, null], "b": { "c": true } })).unwrap();
        prop_assert!(check(&body).is_ok());
        let at = at.index(body.len());
        body[at] = byte;
        prop_assert_eq!(check(&body).is_ok(), serde_accepts(&body));
    }
}
