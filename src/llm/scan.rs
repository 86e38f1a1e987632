//! Validates JSON at the speed of memory and finds where values end, without building anything.
//!
//! It accepts what `serde_json` accepts when it skips a value (RFC 8259, UTF-8 throughout), with
//! one difference: nesting deeper than [`MAX_DEPTH`] is refused. As there, an escaped lone
//! surrogate and a number too large for any machine type are well-formed: they belong to the
//! upstream, and only a field that the gateway reads is held to more.

/// Deepest nesting of arrays and objects. `serde_json` reads typed values down to 127; one bit
/// for each open container fits the two words that remember which kind it is.
pub const MAX_DEPTH: u32 = 128;

/// Bytes that are not one JSON text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flaw} at byte {at}")]
pub struct Malformed {
    /// What is wrong.
    pub flaw: Flaw,
    /// The offset of the offending byte.
    pub at: usize,
}

/// What can be wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Encoding,
    /// The text ends inside a value.
    #[error("unexpected end")]
    Truncated,
    /// No value starts like this.
    #[error("expected a value")]
    Value,
    /// An object's key must be a string.
    #[error("expected a quoted key")]
    Key,
    /// No colon after a key.
    #[error("expected `:`")]
    Colon,
    /// Neither a comma nor the bracket that closes the container.
    #[error("expected `,` or a closing bracket")]
    Separator,
    /// A raw control character inside a string.
    #[error("unescaped control character in a string")]
    Control,
    /// A backslash with nothing known behind it.
    #[error("invalid escape in a string")]
    Escape,
    /// A number not spelled by RFC 8259.
    #[error("invalid number")]
    Number,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nesting deeper than 128 levels")]
    Depth,
    /// Something follows the value.
    #[error("unexpected bytes after the value")]
    Trailing,
}

/// A range of positions; cheap to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes of this span; nothing if it does not lie inside `bytes`.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// Checks that `bytes` are UTF-8 and exactly one JSON value.
pub fn check(bytes: &[u8]) -> Result<(), Malformed> {
    utf8(bytes)?;
    let mut scanner = Scanner::new(bytes);
    scanner.whitespace();
    scanner.value()?;
    scanner.finish()
}

/// Checks the encoding alone.
pub(crate) fn utf8(bytes: &[u8]) -> Result<(), Malformed> {
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        return Ok(());
    }
    // The fast check does not say where; only a refusal pays for finding out.
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    Err(Malformed {
        flaw: Flaw::Encoding,
        at,
    })
}

/// A string as it stands, quotes included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted {
    pub(crate) span: Span,
    /// Whether it must be unescaped to be read.
    pub(crate) escaped: bool,
}

/// A position in a JSON text, moved over it value by value.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Scanner {
            bytes,
            at: 0,
            depth: 0,
        }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Nothing but whitespace may follow.
    pub(crate) fn finish(&mut self) -> Result<(), Malformed> {
        self.whitespace();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(Flaw::Trailing)),
        }
    }

    /// Passes over one value of any kind; the position is at its first byte. Iterative: one bit
    /// per open container says which bracket closes it.
    pub(crate) fn value(&mut self) -> Result<Span, Malformed> {
        let start = self.at;
        let outer = self.depth;
        let mut objects = 0u128;
        'value: loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(open @ (b'{' | b'[')) => {
                    self.enter()?;
                    let object = open == b'{';
                    objects = objects << 1 | u128::from(object);
                    self.whitespace();
                    if self.peek() == Some(closing(object)) {
                        self.at += 1;
                        self.depth -= 1;
                        objects >>= 1;
                    } else {
                        if object {
                            self.key()?;
                        }
                        continue 'value;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if self.depth == outer {
                    return Ok(Span {
                        start,
                        end: self.at,
                    });
                }
                let object = objects & 1 == 1;
                if self.another(object)? {
                    if object {
                        self.key()?;
                    }
                    continue 'value;
                }
                self.depth -= 1;
                objects >>= 1;
            }
        }
    }

    /// Walks the members of the object at the position; `member` must pass over the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Quoted) -> Result<(), Malformed>,
    ) -> Result<Span, Malformed> {
        let start = self.at;
        self.enter()?;
        self.whitespace();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                let key = self.key()?;
                member(self, key)?;
                if !self.another(true)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Span {
            start,
            end: self.at,
        })
    }

    /// Walks the elements of the array at the position; `element` must pass over each.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<Span, Malformed> {
        let start = self.at;
        self.enter()?;
        self.whitespace();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                element(self)?;
                if !self.another(false)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Span {
            start,
            end: self.at,
        })
    }

    /// Passes over the string at the position.
    pub(crate) fn string(&mut self) -> Result<Quoted, Malformed> {
        let start = self.at;
        let mut escaped = false;
        let bytes = self.bytes;
        let mut at = self.at + 1;
        loop {
            at += plain_len(bytes.get(at..).unwrap_or_default());
            match bytes.get(at..) {
                Some([b'"', ..]) => {
                    self.at = at + 1;
                    return Ok(Quoted {
                        span: Span {
                            start,
                            end: self.at,
                        },
                        escaped,
                    });
                }
                // Code and prose are full of these: stay in the loop.
                Some(
                    [
                        b'\\',
                        b'"' | b'n' | b'\\' | b't' | b'/' | b'r' | b'b' | b'f',
                        ..,
                    ],
                ) => {
                    escaped = true;
                    at += 2;
                }
                Some([b'\\', ..]) => {
                    escaped = true;
                    self.at = at;
                    self.unicode()?;
                    at = self.at;
                }
                found => {
                    self.at = at;
                    let control = found.is_some_and(|rest| !rest.is_empty());
                    return Err(self.fault(if control {
                        Flaw::Control
                    } else {
                        Flaw::Truncated
                    }));
                }
            }
        }
    }

    /// The escape that is not a single letter.
    fn unicode(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at + 1) {
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                let digits = digits.ok_or(Malformed {
                    flaw: Flaw::Truncated,
                    at: self.bytes.len(),
                })?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.fault(Flaw::Escape));
                }
                self.at += 6;
                Ok(())
            }
            Some(_) => Err(self.fault(Flaw::Escape)),
            None => Err(Malformed {
                flaw: Flaw::Truncated,
                at: self.bytes.len(),
            }),
        }
    }

    /// A key and its colon; the position is then at the value.
    fn key(&mut self) -> Result<Quoted, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.fault(Flaw::Key));
        }
        let key = self.string()?;
        self.whitespace();
        if self.peek() != Some(b':') {
            return Err(self.fault(Flaw::Colon));
        }
        self.at += 1;
        self.whitespace();
        Ok(key)
    }

    /// After a value inside a container: whether another member follows or the container ended.
    fn another(&mut self, object: bool) -> Result<bool, Malformed> {
        self.whitespace();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.whitespace();
                Ok(true)
            }
            Some(byte) if byte == closing(object) => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.fault(Flaw::Separator)),
        }
    }

    fn enter(&mut self) -> Result<(), Malformed> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault(Flaw::Depth));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault(Flaw::Value)),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.fault(Flaw::Value));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // RFC 8259 section 6: no zero in front of other digits.
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if let Some(b'0'..=b'9') = self.peek() {
            return Err(self.fault(Flaw::Number));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at == first {
            true => Err(self.fault(Flaw::Number)),
            false => Ok(()),
        }
    }

    /// The flaw at this position; the end of the text is its own flaw.
    fn fault(&self, flaw: Flaw) -> Malformed {
        let flaw = match self.peek() {
            None if !matches!(flaw, Flaw::Depth) => Flaw::Truncated,
            _ => flaw,
        };
        Malformed { flaw, at: self.at }
    }
}

fn closing(object: bool) -> u8 {
    if object { b'}' } else { b']' }
}

/// Bytes looked at in words before going over to blocks: keys and short words end sooner.
const SHORT: usize = 32;
/// Bytes looked at together; the compiler turns the fold into vector compares.
const BLOCK: usize = 64;

/// How many bytes from the start stand in a string as they are: neither a quote, nor a
/// backslash, nor a control character.
fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += size_of::<u64>();
        if at == SHORT {
            at += plain_blocks(&bytes[at..]);
        }
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|&byte| is_special(byte))
        .unwrap_or(tail.len())
}

fn plain_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks
        .iter()
        .take_while(|block| {
            !block
                .iter()
                .fold(false, |any, &byte| any | is_special(byte))
        })
        .count();
    plain * BLOCK
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// The high bit of each special byte of the word. A borrow can raise false bits, but only above
/// a true one, and the lowest is all that is asked for.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH
}

#[cfg(test)]
mod tests {
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
        for length in [0, 1, 7, 8, 9, 31, 32, 33, 95, 96, 97, 160, 200] {
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

    #[test]
    fn the_first_special_byte_of_a_word_is_found_whatever_follows() {
        for word in [
            *b"\"\x01\\aaaaa",
            *b"aa!\"#\\[]",
            *b"\x80\xff \"aaaa",
            *b"aaaaaaa\\",
            *b"!#[]^_ ~",
        ] {
            let found = special(u64::from_le_bytes(word));
            let plain = word.iter().position(|&byte| is_special(byte));
            assert_eq!(
                (found != 0).then(|| found.trailing_zeros() as usize / 8),
                plain,
                "{word:?}"
            );
        }
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
}
