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

    /// A key, and where its value begins. Lengths differ for nearly all keys, which is all that is compared then.
    #[inline]
    pub(super) fn see(&mut self, bytes: &[u8], key: Quoted, value: usize) {
        let written = key.span.of(bytes);
        if key.escaped {
            return self.see_escaped(bytes, written, value);
        }
        match written {
            br#""ttl""# => self.long |= is_an_hour(bytes, value),
            br#""cache_control""# | br#""prompt_cache_breakpoint""# => {
                self.marked |= bytes.get(value) != Some(&b'n');
            }
            _ => {}
        }
    }

    /// Nobody writes these keys so, but whoever does has them read all the same.
    #[cold]
    fn see_escaped(&mut self, bytes: &[u8], written: &[u8], value: usize) {
        match text(written).as_deref() {
            Some("ttl") => self.long |= is_an_hour(bytes, value),
            Some("cache_control" | "prompt_cache_breakpoint") => self.marked = true,
            _ => {}
        }
    }
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
