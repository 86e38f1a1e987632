//! Keeps of a JSON body of any size, while it arrives, what a meter reads: the same JSON with
//! unknown members left out and long strings shortened.
//!
//! The result is read by the same code as an event of a stream. It grows with the members the
//! meters know, not with the body, and never much over [`MAX_BYTES`].

use memchr::memchr2;

use crate::frame::balance::Balance;

/// The skeleton's size, give or take one string. Members and elements that would begin behind
/// [`SOFT_BYTES`] are left out, unless they belong to usage or an error.
const MAX_BYTES: usize = 1024 * 1024;
const SOFT_BYTES: usize = MAX_BYTES / 2;

/// Bytes of one string that are kept; the rest is counted.
const MAX_STRING_BYTES: usize = crate::meter::SAMPLE_BYTES;

/// Bytes of one value written out as it came (tool arguments); longer ones are only counted.
const MAX_VERBATIM_BYTES: usize = 4096;

/// Depth of the containers that are kept; what is deeper is left out.
const MAX_DEPTH: usize = 32;

/// Bytes of an escape that may come after its backslash.
const AFTER_BACKSLASH: u8 = 5;

/// The longest key that any meter knows is far below this.
const MAX_KEY_BYTES: usize = 64;

/// What is done with a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Drop,
    Keep,
    /// Kept; what is cut off a long string is the model's text, and counted.
    Said,
    /// Kept as it is written, whatever its members are.
    Verbatim,
    /// Kept with all its members, also when room is short.
    Vital,
}

/// The members that a meter or the reader of faults knows.
#[rustfmt::skip]
fn fate(key: &[u8]) -> Fate {
    match key {
        b"text" | b"content" | b"refusal" | b"reasoning_content" | b"reasoning" | b"thinking"
        | b"summary" | b"transcript" => Fate::Said,
        b"code" | b"type" | b"object" | b"model" | b"modelVersion" | b"status" | b"stop_reason"
        | b"finish_reason" | b"finishReason" | b"index" | b"id" | b"name" | b"message" | b"msg"
        | b"detail" | b"choices" | b"delta" | b"reasoning_details" | b"tool_calls"
        | b"function_call" | b"function" | b"custom" | b"audio" | b"images" | b"output"
        | b"action" | b"tools" | b"response" | b"candidates" | b"parts" | b"functionCall"
        | b"executableCode" | b"inlineData" | b"inline_data" | b"fileData" | b"mimeType"
        | b"codeExecutionResult" | b"outcome" | b"input_tokens" | b"totalTokens"
        | b"param" => Fate::Keep,
        b"usage" | b"usageMetadata" | b"error" | b"errors" | b"x_groq" | b"base_resp"
        | b"promptFeedback" | b"incomplete_details" => Fate::Vital,
        b"input" | b"args" | b"partialArgs" | b"arguments" => Fate::Verbatim,
        _ => Fate::Drop,
    }
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum At {
    /// A value, or the end of an empty array.
    Value(Fate),
    /// A key, or the end of an object.
    Key,
    InKey {
        escaped: bool,
    },
    Colon(Fate),
    /// A comma or the end of the container.
    After,
    Kept {
        escape: u8,
        bytes: usize,
    },
    /// A number or a word.
    Scalar {
        kept: bool,
    },
    /// A string that is left out, or of which no more is kept.
    Skipped {
        escaped: bool,
        counted: bool,
    },
    /// A container that is not entered.
    Passed {
        balance: Balance,
        copy: Copying,
    },
    End,
    Broken,
}

/// What of a container that is not entered goes into the skeleton.
#[derive(Clone, Copy, Debug)]
enum Copying {
    Nothing,
    /// All of it; it begins at that place.
    From(usize),
    /// It was too long: its length only.
    Counted,
}

/// A container that is entered.
#[derive(Clone, Copy, Debug)]
struct Container {
    object: bool,
    vital: bool,
    /// Something in it was left out.
    lacks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Object,
    Array,
}

/// The machine: a body's bytes in, a small JSON text out.
#[derive(Debug)]
pub(crate) struct Skeleton {
    at: At,
    out: Vec<u8>,
    open: Vec<Container>,
    key: Vec<u8>,
    /// Bytes of text that were cut out of kept values, unescaped by rule of thumb.
    elided: u64,
    vital: bool,
    /// The current string is the model's text.
    said: bool,
}

impl Skeleton {
    pub(crate) fn new() -> Skeleton {
        Skeleton {
            at: At::Value(Fate::Keep),
            out: Vec::new(),
            open: Vec::new(),
            key: Vec::new(),
            elided: 0,
            vital: false,
            said: false,
        }
    }

    /// The JSON so far; complete only if [`is_complete`](Skeleton::is_complete).
    pub(crate) fn json(&self) -> &[u8] {
        &self.out
    }

    /// Whether a JSON value was read to its end.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.at, At::End) || self.open.is_empty() && matches!(self.at, At::Scalar { .. })
    }

    /// Bytes of text that the body has and the skeleton lacks.
    pub(crate) fn elided(&self) -> u64 {
        self.elided
    }

    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let mut here = 0;
        while here < bytes.len() {
            here += self.step(&bytes[here..]);
        }
    }

    /// Reads the first bytes of `rest`; how many that were (zero only when the state changed).
    fn step(&mut self, rest: &[u8]) -> usize {
        let byte = rest[0];
        match self.at {
            At::Value(fate) => self.value(byte, fate),
            At::Key => self.key_start(byte),
            At::InKey { escaped } => self.in_key(byte, escaped),
            At::Colon(fate) => {
                if byte == b':' {
                    self.at = At::Value(fate);
                }
                1
            }
            At::After => self.after(byte),
            At::Kept { escape, bytes } => self.kept(rest, escape, bytes),
            At::Scalar { kept } => self.scalar(byte, kept),
            At::Skipped { escaped, counted } => self.skipped(rest, escaped, counted),
            At::Passed { balance, copy } => self.passed(rest, balance, copy),
            At::End | At::Broken => rest.len(),
        }
    }

    fn value(&mut self, byte: u8, fate: Fate) -> usize {
        // A byte order mark may stand in front of the body.
        let bom = self.open.is_empty() && matches!(byte, 0xEF | 0xBB | 0xBF);
        if byte.is_ascii_whitespace() || bom {
            return 1;
        }
        if byte == b']' && self.inside() == Some(Inside::Array) {
            return self.close();
        }
        let room = if self.vital || fate == Fate::Vital {
            MAX_BYTES
        } else {
            SOFT_BYTES
        };
        let fits = self.out.len() < room && self.open.len() < MAX_DEPTH;
        let fate = if fits { fate } else { Fate::Drop };
        if fate != Fate::Drop {
            self.lead();
        } else if let Some(container) = self.open.last_mut() {
            container.lacks = true;
        }
        self.begin(byte, fate)
    }

    /// Writes the comma and the key that stand in front of a value.
    fn lead(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
        if self.inside() == Some(Inside::Object) {
            self.out.push(b'"');
            self.out.extend_from_slice(&self.key);
            self.out.extend_from_slice(b"\":");
        }
    }

    fn begin(&mut self, byte: u8, fate: Fate) -> usize {
        let kept = fate != Fate::Drop;
        match byte {
            b'{' | b'[' if fate != Fate::Verbatim && kept => {
                self.vital |= fate == Fate::Vital;
                let (object, vital) = (byte == b'{', self.vital);
                self.open.push(Container {
                    object,
                    vital,
                    lacks: false,
                });
                self.out.push(byte);
                self.at = if byte == b'{' {
                    At::Key
                } else {
                    At::Value(self.inherited())
                };
            }
            b'{' | b'[' => {
                let from = Copying::From(self.out.len());
                let copy = if kept { from } else { Copying::Nothing };
                self.at = At::Passed {
                    balance: Balance::default(),
                    copy,
                };
                return 0;
            }
            b'"' if kept => {
                self.out.push(byte);
                self.said = matches!(fate, Fate::Said | Fate::Verbatim);
                self.at = At::Kept {
                    escape: 0,
                    bytes: 0,
                };
            }
            b'"' => {
                self.at = At::Skipped {
                    escaped: false,
                    counted: false,
                }
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                self.at = At::Scalar { kept };
                return 0;
            }
            _ => self.at = At::Broken,
        }
        1
    }

    fn key_start(&mut self, byte: u8) -> usize {
        match byte {
            b'"' => {
                self.key.clear();
                self.at = At::InKey { escaped: false };
            }
            b'}' => return self.close(),
            b',' => {}
            byte if byte.is_ascii_whitespace() => {}
            _ => self.at = At::Broken,
        }
        1
    }

    fn in_key(&mut self, byte: u8, escaped: bool) -> usize {
        if byte == b'"' && !escaped {
            let fate = match fate(&self.key) {
                Fate::Drop if self.vital && self.key.len() < MAX_KEY_BYTES => Fate::Keep,
                fate => fate,
            };
            self.at = At::Colon(fate);
            return 1;
        }
        // A key that is too long to be known stays too long, and so stays unknown.
        if self.key.len() < MAX_KEY_BYTES {
            self.key.push(byte);
        }
        self.at = At::InKey {
            escaped: byte == b'\\' && !escaped,
        };
        1
    }

    fn after(&mut self, byte: u8) -> usize {
        match (byte, self.inside()) {
            (b',', Some(Inside::Object)) => self.at = At::Key,
            (b',', Some(Inside::Array)) => self.at = At::Value(self.inherited()),
            (b'}', Some(Inside::Object)) | (b']', Some(Inside::Array)) => return self.close(),
            (byte, _) if byte.is_ascii_whitespace() => {}
            _ => self.at = At::Broken,
        }
        1
    }

    /// What elements of an array have from the array.
    fn inherited(&self) -> Fate {
        if self.vital { Fate::Vital } else { Fate::Keep }
    }

    fn inside(&self) -> Option<Inside> {
        let container = self.open.last()?;
        Some(if container.object {
            Inside::Object
        } else {
            Inside::Array
        })
    }

    fn close(&mut self) -> usize {
        let Some(Container { object, lacks, .. }) = self.open.pop() else {
            self.at = At::Broken;
            return 1;
        };
        // What was not empty does not become empty: that would make an error no error.
        if lacks && matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out
                .extend_from_slice(if object { b"\"\":0" } else { b"0" });
        }
        self.out.push(if object { b'}' } else { b']' });
        self.vital = self.open.last().is_some_and(|container| container.vital);
        self.done();
        1
    }

    fn done(&mut self) {
        self.at = if self.open.is_empty() {
            At::End
        } else {
            At::After
        };
    }

    /// A kept string; `escape` is how many bytes of an escape are still to come.
    fn kept(&mut self, rest: &[u8], escape: u8, bytes: usize) -> usize {
        if escape > 0 {
            self.out.push(rest[0]);
            let escape = match (escape, rest[0]) {
                (AFTER_BACKSLASH, b'u') => 4,
                (AFTER_BACKSLASH, _) => 0,
                _ => escape - 1,
            };
            self.at = At::Kept { escape, bytes };
            return 1;
        }
        if rest[0] != b'"' && bytes >= MAX_STRING_BYTES {
            self.out.push(b'"');
            self.at = At::Skipped {
                escaped: false,
                counted: self.said,
            };
            return 0;
        }
        let limit = rest.len().min(MAX_STRING_BYTES.saturating_sub(bytes));
        let plain = memchr2(b'"', b'\\', &rest[..limit]).unwrap_or(limit);
        if plain > 0 {
            self.out.extend_from_slice(&rest[..plain]);
            self.at = At::Kept {
                escape: 0,
                bytes: bytes + plain,
            };
            return plain;
        }
        self.out.push(rest[0]);
        if rest[0] == b'"' {
            self.done();
        } else {
            self.at = At::Kept {
                escape: AFTER_BACKSLASH,
                bytes: bytes + 1,
            };
        }
        1
    }

    fn scalar(&mut self, byte: u8, kept: bool) -> usize {
        if matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace() {
            self.done();
            return 0;
        }
        if kept && self.out.len() < MAX_BYTES {
            self.out.push(byte);
        }
        1
    }

    /// The rest of a string that is left out, or of which no more is kept.
    fn skipped(&mut self, rest: &[u8], escaped: bool, counted: bool) -> usize {
        let plain = if escaped {
            1
        } else {
            memchr2(b'"', b'\\', rest).unwrap_or(rest.len())
        };
        if counted {
            // `\n` stands for one byte; the `u` of `\u4e16` is left out to come near its three.
            let marker = escaped && rest[0] == b'u';
            self.elided += plain as u64 - u64::from(marker);
        }
        if escaped {
            self.at = At::Skipped {
                escaped: false,
                counted,
            };
            return 1;
        }
        match rest.get(plain) {
            None => return plain,
            Some(b'"') => self.done(),
            Some(_) => {
                self.at = At::Skipped {
                    escaped: true,
                    counted,
                }
            }
        }
        plain + 1
    }

    /// The rest of a container that is not entered.
    fn passed(&mut self, rest: &[u8], mut balance: Balance, copy: Copying) -> usize {
        let end = balance.scan(rest);
        let here = end.unwrap_or(rest.len());
        let copy = match copy {
            Copying::Nothing => Copying::Nothing,
            Copying::From(from) if self.out.len() - from + here <= MAX_VERBATIM_BYTES => {
                self.out.extend_from_slice(&rest[..here]);
                Copying::From(from)
            }
            Copying::From(from) => {
                self.elided += (self.out.len() - from + here) as u64;
                self.out.truncate(from);
                self.out.extend_from_slice(b"null");
                Copying::Counted
            }
            Copying::Counted => {
                self.elided += here as u64;
                Copying::Counted
            }
        };
        if end.is_some() {
            self.done();
        } else {
            self.at = At::Passed { balance, copy };
        }
        here
    }
}
