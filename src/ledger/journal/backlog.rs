//! Reads back what the store does not have yet, in the order of writing.

use std::io;
use std::sync::Arc;

use super::batch::Batch;
use super::core::Core;
use super::entry::{self, Entry, Position};
use super::scan::Scan;
use super::segment::FIRST;
use crate::record::Record;

/// A reader behind the tail of a journal that is being written.
pub(crate) struct Backlog {
    core: Arc<Core>,
    scan: Option<(u64, Scan)>,
    /// Everything before it was read.
    position: Position,
}

impl Backlog {
    /// From the beginning of the journal.
    pub(crate) fn new(core: Arc<Core>) -> Backlog {
        Backlog {
            core,
            scan: None,
            position: Position::default(),
        }
    }

    /// Everything before this was read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Appends settlements to `batch` until it has `most`, or there are no more.
    pub(crate) fn read(&mut self, batch: &mut Batch, most: usize) -> io::Result<()> {
        while batch.len() < most {
            if !self.extend() {
                return Ok(());
            }
            let Some((number, scan)) = &mut self.scan else {
                return Ok(());
            };
            let torn = scan.torn();
            let next = scan.next()?;
            let record = next.and_then(settled);
            self.position = Position {
                segment: *number,
                at: scan.at(),
            };
            if scan.torn() > torn {
                let bytes = scan.torn() - torn;
                tracing::error!(bytes, segment = *number, "damage in the journal");
            }
            if let Some(record) = record {
                batch.push(record, self.position);
            }
        }
        Ok(())
    }

    /// Whether there is something to read: in the segment being read, or in the one after it.
    fn extend(&mut self) -> bool {
        let ended = self
            .scan
            .as_ref()
            .is_some_and(|(_, scan)| scan.at() >= scan.end());
        if self.scan.is_some() && !ended {
            return true;
        }
        let mut tail = self.core.tail();
        let Some((segment, end)) = tail.segments().segment_at(self.position) else {
            return false;
        };
        let same = self.scan.as_ref().map(|(number, _)| *number) == Some(segment.number);
        if same && self.position.at < end {
            if let Some((_, scan)) = &mut self.scan {
                scan.extend(end);
            }
            return true;
        }
        let next = Position {
            segment: self.position.segment + 1,
            at: 0,
        };
        let (segment, end) = match same {
            false => (segment, end),
            true => match tail.segments().segment_at(next) {
                Some(next) => next,
                None => return false,
            },
        };
        drop(tail);
        self.position = Position {
            segment: segment.number,
            at: FIRST,
        };
        let number = segment.number;
        let scan = Scan::new(segment, self.core.salt(), FIRST, end);
        self.scan = Some((number, scan));
        end > FIRST
    }
}

/// The record of a settlement. What cannot be read is told and passed over.
fn settled(payload: &[u8]) -> Option<Record> {
    if !entry::is_settlement(payload) {
        return None;
    }
    match entry::read(payload) {
        Ok(Entry::Settlement(_, record)) => Some(*record),
        Ok(_) => None,
        Err(error) => {
            tracing::error!(%error, "a settlement in the journal is lost");
            None
        }
    }
}
