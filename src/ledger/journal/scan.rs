//! Reads the entries of a segment one after another, in bounded memory, past what is damaged.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::frame::{self, Found, HEAD, MAX_PAYLOAD};
use super::segment::Segment;

/// Bytes read at once.
const WINDOW: usize = 256 * 1024;
const _: () = assert!(WINDOW > 2 * (HEAD + MAX_PAYLOAD));

/// A place in a segment, and the bytes behind it.
pub(super) struct Scan {
    segment: Arc<Segment>,
    salt: u32,
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    torn: u64,
}

impl Scan {
    /// From `at` to `end`.
    pub(super) fn new(segment: Arc<Segment>, salt: u32, at: u64, end: u64) -> Scan {
        Scan {
            segment,
            salt,
            at,
            end,
            window: Vec::new(),
            window_at: at,
            torn: 0,
        }
    }

    /// Where the next entry is looked for.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Where it ends for now.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that were passed over because they are no entries; room never written does not count.
    pub(super) fn torn(&self) -> u64 {
        self.torn
    }

    /// More was written.
    pub(super) fn extend(&mut self, end: u64) {
        self.end = self.end.max(end);
    }

    /// The payload of the next undamaged entry.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let found = self.find()?;
        Ok(found.map(|range| &self.window[range]))
    }

    fn find(&mut self) -> io::Result<Option<Range<usize>>> {
        while self.at < self.end {
            let start = (self.at - self.window_at) as usize;
            let bytes = self.window.get(start..).unwrap_or_default();
            let all = self.at + bytes.len() as u64 >= self.end;
            match frame::look(bytes, self.salt) {
                Found::Entry(payload) => {
                    let from = start + HEAD;
                    let range = from..from + payload.len();
                    self.at += (HEAD + payload.len()) as u64;
                    return Ok(Some(range));
                }
                Found::Partial if !all => self.fill()?,
                Found::Nothing if bytes.len() < HEAD && !all => self.fill()?,
                Found::Partial | Found::Nothing => {
                    let passed = frame::skip(bytes);
                    self.torn += written(&bytes[..passed]);
                    self.at += passed as u64;
                }
            }
        }
        Ok(None)
    }

    /// Reads the window anew, from the place on.
    fn fill(&mut self) -> io::Result<()> {
        let length = (self.end - self.at).min(WINDOW as u64) as usize;
        self.window.resize(length, 0);
        self.window_at = self.at;
        self.segment.read(&mut self.window, self.at)
    }
}

/// Bytes up to the last that is not zero.
fn written(bytes: &[u8]) -> u64 {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |at| at as u64 + 1)
}
