//! Validates JSON at the speed of memory and finds where values end, without building anything.
//!
//! It accepts what `serde_json` accepts when it skips a value (RFC 8259, UTF-8 throughout), with
//! one difference: nesting deeper than [`MAX_DEPTH`] is refused. As there, an escaped lone
//! surrogate and a number too large for any machine type are well-formed: they belong to the
//! upstream, and only a field that the gateway reads is held to more.

mod flaw;
mod marks;
mod plain;

pub(crate) use plain::plain_len;

use marks::Seen;

use crate::replay;

pub use flaw::{Flaw, Malformed};
pub use marks::Marks;

/// Deepest nesting of arrays and objects. `serde_json` reads typed values down to 127; one bit
/// for each open container fits the two words that remember which kind it is.
pub const MAX_DEPTH: u32 = 128;

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
    proofs: bool,
    marks: Seen,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Scanner {
            bytes,
            at: 0,
            depth: 0,
            proofs: false,
            marks: Seen::default(),
        }
    }

    /// Whether a string was passed that begins like a wrapped proof.
    pub(crate) fn saw_proofs(&self) -> bool {
        self.proofs
    }

    /// The marks of prompt caches that were passed.
    pub(crate) fn marks(&self) -> Marks {
        self.marks.marks()
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
                    self.proofs |= replay::begins_like_a_proof(&bytes[start + 1..at]);
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

    /// A key and its colon; the position is then at the value. As a call of its own it copied its answer so
    /// badly that a list of tools took a fifth longer.
    #[inline(always)]
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
        if marks::may_be_known(key) {
            self.look_closer(key);
        }
        Ok(key)
    }

    #[cold]
    #[inline(never)]
    fn look_closer(&mut self, key: Quoted) {
        self.marks.see(self.bytes, key, self.at);
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

#[cfg(test)]
mod tests;
