//! What can be asked of the records, and how a list goes on where a page ended.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use ledger::Record;

/// Records on a page at most.
pub const MAX_PAGE: usize = 1_000;

/// Records on a page when nobody says how many.
const DEFAULT_PAGE: usize = 100;

/// Which records, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Of the token with this name.
    pub token: Option<String>,
    /// Of the token with this id. Name it too: records are found by names.
    pub token_id: Option<String>,
    /// That asked for this model.
    pub model: Option<String>,
    /// That this channel answered, or was tried last for.
    pub channel: Option<String>,
    /// Not older than this.
    pub after: Option<Timestamp>,
    /// Older than this.
    pub before: Option<Timestamp>,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// Records on the page: from 1 to `MAX_PAGE`, anything else is taken as the nearer of them.
    pub limit: usize,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            token: None,
            token_id: None,
            model: None,
            channel: None,
            after: None,
            before: None,
            cursor: None,
            limit: DEFAULT_PAGE,
        }
    }
}

impl Search {
    /// The limit inside its bounds.
    pub(crate) fn page_size(&self) -> usize {
        self.limit.clamp(1, MAX_PAGE)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Newest first; of equal times the larger id first.
    pub items: Vec<Record>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

/// The place of a row in a list: its time and its id. Written as text for clients, who
/// hand it back unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) at_us: i64,
    pub(crate) id: String,
}

impl Cursor {
    /// The place after the row of that time and id.
    pub(crate) fn after(at: Timestamp, id: &str) -> Cursor {
        Cursor {
            at_us: at.as_microsecond(),
            id: id.to_owned(),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_us, self.id)
    }
}

/// A cursor that no list gave out.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor: hand back `next` of the page before, unchanged")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (at, id) = text.split_once('.').ok_or(BadCursor)?;
        let at_us = at.parse().map_err(|_| BadCursor)?;
        if id.is_empty() {
            return Err(BadCursor);
        }
        Ok(Cursor {
            at_us,
            id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        for at_us in [0, -1, i64::MIN, i64::MAX, 1_763_755_200_000_000] {
            let cursor = Cursor {
                at_us,
                id: "0199.a-b".into(),
            };
            let read: Cursor = cursor.to_string().parse().expect("its own text");
            assert_eq!(read, cursor);
        }
        for text in ["", ".", "5", "5.", "x.y", "99999999999999999999.a"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }
}
