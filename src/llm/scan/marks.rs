//! Notices the marks by which callers have their prompts cached. They may stand at any depth (on turns,
//! parts, tools, results), so the scanner looks at each key it passes.

use super::{Quoted, Span};
use crate::fields::text;

/// What the marks in a request may have written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marks {
    /// There are none.
    #[default]
    None,
    /// A cache that lives some minutes.
    Short,
    /// A cache that lives an hour.
    Long,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    marked: bool,
    /// Some member `ttl` says an hour. It need not be the mark's own: then too much is held.
    long: bool,
}

impl Seen {
    pub(super) fn marks(self) -> Marks {
        match (self.marked, self.long) {
            (false, _) => Marks::None,
            (true, false) => Marks::Short,
            (true, true) => Marks::Long,
        }
    }

    /// A key that may be known, and where its value begins. One written with escapes is read all the same.
    pub(super) fn see(&mut self, bytes: &[u8], key: Quoted, value: usize) {
        let key = text(key.span.of(bytes)).unwrap_or_default();
        match (
            KEYS.iter().position(|known| *known == key),
            bytes.get(value),
        ) {
            (Some(0), _) => self.long |= is_an_hour(bytes, value),
            (None, _) | (_, Some(b'n')) => {}
            _ => self.marked = true,
        }
    }
}

/// The member that says how long a cache lives, and those that mark one.
const KEYS: [&str; 3] = ["ttl", "cache_control", "prompt_cache_breakpoint"];
/// A bit for each length that one of these has with its quotes, counted from zero again at 32.
const LENGTHS: u32 = 1 << 5 | 1 << 15 | 1 << 25;

/// Tells nearly all keys apart by their length: the scanner asks it of each.
#[inline(always)]
pub(super) fn may_be_known(key: Quoted) -> bool {
    let length = key.span.end - key.span.start;
    key.escaped || LENGTHS & 1 << (length & 31) != 0
}

/// Whether a value begins like the text `1h`, or is written in a way that it may be that.
fn is_an_hour(bytes: &[u8], value: usize) -> bool {
    let start = Span {
        start: value,
        end: bytes.len().min(value + br#""1h""#.len()),
    };
    let start = start.of(bytes);
    start == br#""1h""# || start.starts_with(b"\"\\") || start.starts_with(b"\"1\\")
}
