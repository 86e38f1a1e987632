//! Reads server-sent events by the WHATWG rules, and the raw JSON that some upstreams put between.
//!
//! Beyond <https://html.spec.whatwg.org/multipage/server-sent-events.html>: a pending event at the
//! end of the input counts when its data is JSON or `[DONE]` (many upstreams end right after the
//! last line), and a line that begins with `{` or `[` starts un-prefixed JSON, which is gathered
//! until its brackets balance (Google's proxies report errors that way).

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::balance::Balance;
use super::{MAX_FRAME_BYTES, TooLarge};

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// A buffer that once held a large event is not kept for the small ones that follow.
const KEEP_BUFFER_BYTES: usize = 16 * 1024;

/// One event, or one block of lines without data.
#[derive(Clone, Debug)]
pub struct Event {
    raw: Bytes,
    name: Range<usize>,
    data: Option<Bytes>,
    extent: Range<u64>,
    bare: bool,
}

impl Event {
    /// The bytes as they came: every line from the first that is no comment, with the empty
    /// line that ends the event.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Where [`raw`](Event::raw) lies, counted from the first byte ever pushed.
    pub fn extent(&self) -> Range<u64> {
        self.extent.clone()
    }

    /// What the last `event:` line said; empty without one.
    pub fn name(&self) -> &[u8] {
        &self.raw[self.name.clone()]
    }

    /// The `data:` lines, joined by a line feed; `None` for a block that has none (a heartbeat).
    pub fn data(&self) -> Option<&Bytes> {
        self.data.as_ref()
    }

    /// Whether this was JSON without a field name in front, that is: an error.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Whether this is the `[DONE]` that ends a stream of OpenAI's older formats.
    pub fn is_done(&self) -> bool {
        self.data.as_deref().is_some_and(is_done)
    }
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum At {
    /// The first byte of a line.
    LineStart,
    /// The rest of a line of an event.
    Line,
    /// The rest of a comment that stands before an event.
    Comment,
    /// Un-prefixed JSON.
    Bare(Balance),
    /// The event is complete, but the line feed of its last CRLF is still to come.
    LastFeed,
}

/// The machine: bytes in, events out.
#[derive(Debug)]
pub struct Reader {
    at: At,
    /// Bytes of the byte order mark seen at the very start; three when the start is over.
    bom: usize,
    /// The last line ended with CR, so that a LF now belongs to it.
    after_cr: bool,
    /// The last line of the current event ended with CRLF: its empty line will, too.
    crlf: bool,
    /// The current event as far as earlier chunks held it.
    held: BytesMut,
    /// The current event has begun.
    begun: bool,
    /// Bytes pushed before the current chunk.
    offset: u64,
    broken: bool,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    /// A reader at the start of a body.
    pub fn new() -> Reader {
        Reader {
            at: At::LineStart,
            bom: 0,
            after_cr: false,
            crlf: false,
            held: BytesMut::new(),
            begun: false,
            offset: 0,
            broken: false,
        }
    }

    /// Reads the next bytes and hands every event that is complete to `each`.
    pub fn push(&mut self, chunk: &Bytes, mut each: impl FnMut(Event)) -> Result<(), TooLarge> {
        if self.broken {
            return Err(TooLarge);
        }
        // Where the current event begins in this chunk.
        let mut start = 0;
        let mut here = 0;
        while let Some(&byte) = chunk.get(here) {
            match self.at {
                At::LineStart => here += self.line_start(byte, here, &mut start, chunk, &mut each),
                At::Line | At::Comment => here += self.line(&chunk[here..]),
                At::Bare(mut balance) => {
                    let end = balance.scan(&chunk[here..]);
                    self.at = At::Bare(balance);
                    here += end.unwrap_or(chunk.len() - here);
                    if end.is_some() {
                        self.close(chunk, start..here, true, &mut each);
                    }
                }
                At::LastFeed => {
                    here += usize::from(byte == b'\n');
                    self.close(chunk, start..here, false, &mut each);
                }
            }
            if self.begun && self.held.len() + (here - start) > MAX_FRAME_BYTES {
                self.broken = true;
                return Err(TooLarge);
            }
        }
        if self.begun {
            self.held.extend_from_slice(&chunk[start..]);
        }
        self.offset += chunk.len() as u64;
        Ok(())
    }

    /// The input ended. May be called twice.
    pub fn finish(&mut self, mut each: impl FnMut(Event)) {
        if !self.begun || self.broken {
            return;
        }
        let complete = matches!(self.at, At::LastFeed);
        self.close(&Bytes::new(), 0..0, false, &mut |event: Event| {
            let whole = complete || event.data().is_some_and(|data| is_whole(data));
            if whole {
                each(event);
            }
        });
        self.after_cr = false;
    }

    /// The bytes of the event that has begun and is not complete; after an error, those that
    /// came in chunks before the one at fault.
    pub fn pending(&self) -> &[u8] {
        &self.held
    }

    /// How many bytes were pushed.
    pub fn pushed(&self) -> u64 {
        self.offset
    }

    /// Whether the bytes pushed so far end where a new event may begin.
    pub fn at_boundary(&self) -> bool {
        !self.begun && matches!(self.at, At::LineStart)
    }

    /// Looks at the first byte of a line; how many bytes that used.
    fn line_start(
        &mut self,
        byte: u8,
        here: usize,
        start: &mut usize,
        chunk: &Bytes,
        each: &mut impl FnMut(Event),
    ) -> usize {
        if self.bom < BOM.len() {
            if byte == BOM[self.bom] {
                self.bom += 1;
                return 1;
            }
            self.bom = BOM.len();
        }
        if self.after_cr && byte == b'\n' {
            self.after_cr = false;
            self.crlf = true;
            return 1;
        }
        match byte {
            b'\n' => {
                self.after_cr = false;
                if self.begun {
                    self.close(chunk, *start..here + 1, false, each);
                }
                1
            }
            b'\r' => {
                if self.begun && self.crlf {
                    self.at = At::LastFeed;
                    return 1;
                }
                if self.begun {
                    self.close(chunk, *start..here + 1, false, each);
                }
                self.after_cr = true;
                1
            }
            b'{' | b'[' => {
                if self.begun {
                    self.close(chunk, *start..here, false, each);
                }
                self.begin(here, start);
                self.at = At::Bare(Balance::default());
                0
            }
            b':' if !self.begun => {
                self.after_cr = false;
                self.at = At::Comment;
                1
            }
            _ => {
                if !self.begun {
                    self.begin(here, start);
                }
                self.after_cr = false;
                self.at = At::Line;
                1
            }
        }
    }

    /// Skips to the end of the line; how many bytes that used.
    fn line(&mut self, rest: &[u8]) -> usize {
        let Some(end) = memchr2(b'\n', b'\r', rest) else {
            return rest.len();
        };
        self.after_cr = rest[end] == b'\r';
        self.crlf = false;
        self.at = At::LineStart;
        end + 1
    }

    fn begin(&mut self, here: usize, start: &mut usize) {
        self.begun = true;
        self.after_cr = false;
        self.crlf = false;
        *start = here;
    }

    /// Hands on the current event, whose last part is `part` of the chunk.
    fn close(
        &mut self,
        chunk: &Bytes,
        part: Range<usize>,
        bare: bool,
        each: &mut impl FnMut(Event),
    ) {
        let end = self.offset + part.end as u64;
        // `start` is zero in the chunk for an event that began in an earlier one.
        let raw = if self.held.is_empty() {
            chunk.slice(part)
        } else {
            self.held.extend_from_slice(&chunk[part]);
            let whole = self.held.split().freeze();
            if whole.len() > KEEP_BUFFER_BYTES {
                self.held = BytesMut::new();
            }
            whole
        };
        self.begun = false;
        self.crlf = false;
        self.at = At::LineStart;
        each(event(raw, end, bare));
    }
}

/// Reads the lines of one complete event.
fn event(raw: Bytes, end: u64, bare: bool) -> Event {
    let extent = end - raw.len() as u64..end;
    let mut name = 0..0;
    if bare {
        let data = Some(raw.clone());
        return Event {
            raw,
            name,
            data,
            extent,
            bare,
        };
    }
    let mut data = None;
    let mut joined: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < raw.len() {
        let rest = &raw[at..];
        let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (field, value) = field(&rest[..length]);
        let value = at + value..at + length;
        match field {
            b"event" => name = value,
            b"data" => match (&data, &mut joined) {
                (None, _) => data = Some(value),
                (Some(first), None) => {
                    joined = Some([&raw[first.clone()], b"\n", &raw[value]].concat());
                }
                (Some(_), Some(joined)) => {
                    joined.push(b'\n');
                    joined.extend_from_slice(&raw[value]);
                }
            },
            _ => {}
        }
        at += length + 1;
    }
    let data = match joined {
        Some(joined) => Some(Bytes::from(joined)),
        None => data.map(|span| raw.slice(span)),
    };
    Event {
        raw,
        name,
        data,
        extent,
        bare,
    }
}

/// The field's name, and where its value begins in the line.
fn field(line: &[u8]) -> (&[u8], usize) {
    let Some(colon) = memchr(b':', line) else {
        return (line, line.len());
    };
    let blank = usize::from(line.get(colon + 1) == Some(&b' '));
    (&line[..colon], colon + 1 + blank)
}

fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

/// Whether the data of an event that lacks its empty line is all there.
fn is_whole(data: &[u8]) -> bool {
    is_done(data) || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
}
