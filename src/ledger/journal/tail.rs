//! The growing end of a process's journal: who was admitted, and is not settled yet.

use std::collections::{HashMap, VecDeque};
use std::io;

use super::entry::{Position, Ticket};
use super::hold::Progress;
use super::segment::Segment;
use super::segments::{Bound, NoRoom, Place, Segments};

/// Segments that open holds may keep from being removed; what is older is written anew at the end.
const KEPT: usize = 4;
/// Holds written anew at a time.
const CARRIED: usize = 256;

/// An admitted request that is not settled.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) hold: Place,
    pub(super) progress: Option<Box<Progress>>,
}

/// The state behind the journal's one lock.
pub(super) struct Tail {
    segments: Segments,
    open: HashMap<Ticket, Open>,
    /// Settlements that the disk did not take; tried again. At most one for each admitted request.
    pending: VecDeque<Vec<u8>>,
}

impl Tail {
    pub(super) fn new(segments: Segments) -> Tail {
        Tail {
            segments,
            open: HashMap::new(),
            pending: VecDeque::new(),
        }
    }

    pub(super) fn segments(&mut self) -> &mut Segments {
        &mut self.segments
    }

    /// Writes the hold of a ticket not used before.
    pub(super) fn hold(&mut self, ticket: Ticket, frame: &[u8]) -> Result<(), NoRoom> {
        if !self.pending.is_empty() {
            return Err(NoRoom);
        }
        let hold = self.segments.append(frame, Bound::Kept)?;
        self.segments.count_open(&hold);
        let progress = None;
        self.open.insert(ticket, Open { hold, progress });
        Ok(())
    }

    /// Writes how far a held request is. One that does not fit is only remembered.
    pub(super) fn progress(&mut self, ticket: Ticket, seen: Progress, frame: &[u8]) {
        let Some(open) = self.open.get_mut(&ticket) else {
            return;
        };
        open.progress = Some(Box::new(seen));
        if self.pending.is_empty() {
            let _remembered = self.segments.append(frame, Bound::Kept);
        }
    }

    /// Writes the end of a request. It is kept in memory while the disk takes nothing.
    pub(super) fn settle(&mut self, ticket: Ticket, frame: Vec<u8>) {
        if !self.pending.is_empty() || self.segments.append(&frame, Bound::Passed).is_err() {
            self.pending.push_back(frame);
        }
        if let Some(open) = self.open.remove(&ticket) {
            self.segments.count_settled(&open.hold);
        }
    }

    /// Writes what only saves work at the next start.
    pub(super) fn note(&mut self, frame: &[u8]) {
        if self.pending.is_empty() {
            let _unsaved = self.segments.append(frame, Bound::Passed);
        }
    }

    /// What is known of a request that is not settled.
    pub(super) fn open(&self, ticket: Ticket) -> Option<Open> {
        self.open.get(&ticket).cloned()
    }

    /// Whether no settlement waits for the disk.
    pub(super) fn is_written(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether new requests must be refused.
    pub(super) fn is_full(&self) -> bool {
        !self.pending.is_empty() || self.segments.are_full()
    }

    /// Takes a spare segment (`Segments::set_spare`); settlements that waited for it are written.
    pub(super) fn set_spare(&mut self, made: io::Result<Segment>) -> Option<Segment> {
        let unneeded = self.segments.set_spare(made);
        while !self.segments.is_refused()
            && let Some(frame) = self.pending.pop_front()
        {
            if self.segments.append(&frame, Bound::Passed).is_err() {
                self.pending.push_front(frame);
                break;
            }
        }
        unneeded
    }

    /// Open holds that keep old segments from being removed, once those are many.
    pub(super) fn pinning(&self, stored: Position) -> Vec<(Ticket, Open)> {
        let pinned = self.segments.oldest_beyond(KEPT);
        let Some((number, _)) =
            pinned.filter(|(number, open)| *number < stored.segment && *open > 0)
        else {
            return Vec::new();
        };
        self.open
            .iter()
            .filter(|(_, open)| open.hold.segment.number == number)
            .take(CARRIED)
            .map(|(ticket, open)| (*ticket, open.clone()))
            .collect()
    }

    /// Writes a hold anew, unless it was settled or moved meanwhile.
    pub(super) fn carry(
        &mut self,
        ticket: Ticket,
        from: &Place,
        frame: &[u8],
        progress: Option<&[u8]>,
    ) -> Result<(), NoRoom> {
        let still = self
            .open
            .get(&ticket)
            .is_some_and(|open| open.hold.is(from));
        if !still {
            return Ok(());
        }
        if !self.pending.is_empty() {
            return Err(NoRoom);
        }
        // An old segment goes for it.
        let place = self.segments.append(frame, Bound::Passed)?;
        if let Some(progress) = progress {
            let _remembered = self.segments.append(progress, Bound::Passed);
        }
        self.segments.count_settled(from);
        self.segments.count_open(&place);
        if let Some(open) = self.open.get_mut(&ticket) {
            open.hold = place;
        }
        Ok(())
    }

    /// Whether every entry in it may be forgotten.
    pub(super) fn is_done(&self, stored: Position) -> bool {
        let end = self.segments.end();
        self.open.is_empty() && self.pending.is_empty() && end.is_some_and(|end| end <= stored)
    }
}
