//! The segments of a journal that is being written: which there are, which comes next, how many may be.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::entry::Position;
use super::identity::Identity;
use super::segment::{FIRST, Segment};

/// There is no room for the entry.
#[derive(Debug)]
pub(super) struct NoRoom;

/// Whether an entry may make the journal larger than it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// It may not: it is about new work.
    Kept,
    /// It may: it is about work that was admitted.
    Passed,
}

/// Where an entry was written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) segment: Arc<Segment>,
    pub(super) at: u64,
    pub(super) length: usize,
}

impl Place {
    pub(super) fn is(&self, other: &Place) -> bool {
        (self.segment.number, self.at) == (other.segment.number, other.at)
    }
}

/// A segment in use.
struct Live {
    segment: Arc<Segment>,
    /// Behind the last entry.
    end: u64,
    /// Holds in it that are not settled.
    open: usize,
    /// The disk refused a write: nothing more is written to it.
    sealed: bool,
}

impl Live {
    fn room(&self) -> u64 {
        match self.sealed {
            true => 0,
            false => self.segment.size - self.end,
        }
    }
}

/// How large a journal and its segments may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) segment: u64,
    pub(super) max: u64,
}

/// The segments, and the disk's mood.
pub(super) struct Segments {
    folder: PathBuf,
    identity: Identity,
    sizes: Sizes,
    /// Oldest first; entries go to the last.
    live: VecDeque<Live>,
    /// Made beforehand, so that the next rotation only takes it.
    spare: Option<Arc<Segment>>,
    /// The highest number that a segment was given.
    newest: u64,
    /// Full segments that the disk may not have yet.
    unsynced: Vec<Arc<Segment>>,
    /// Segments were made whose names the disk may not have yet.
    new_names: bool,
    /// Entries written, ever.
    written: u64,
    /// The disk refused the last write or the last new segment.
    refused: bool,
}

/// What the disk is to be asked for next.
pub(super) struct Unsynced {
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) new_names: bool,
    /// Entries that are on the disk afterwards.
    pub(super) written: u64,
}

impl Segments {
    /// Begins with one segment.
    pub(super) fn begin(folder: PathBuf, identity: Identity, sizes: Sizes) -> io::Result<Segments> {
        let mut segments = Segments {
            folder,
            identity,
            sizes,
            live: VecDeque::new(),
            spare: None,
            newest: 0,
            unsynced: Vec::new(),
            new_names: false,
            written: 0,
            refused: false,
        };
        let first = segments.make()?;
        segments.push(Arc::new(first));
        Ok(segments)
    }

    /// Writes a frame behind the last one.
    pub(super) fn append(&mut self, frame: &[u8], bound: Bound) -> Result<Place, NoRoom> {
        let length = frame.len();
        if self.room() < length as u64 {
            self.rotate(bound)?;
        }
        let Some(live) = self.live.back_mut() else {
            return Err(NoRoom);
        };
        if live.room() < length as u64 {
            return Err(NoRoom);
        }
        let at = live.end;
        if let Err(error) = live.segment.write(frame, at) {
            // A part of it may have been written: whoever reads passes over it.
            live.sealed = true;
            self.refuse(&error);
            return Err(NoRoom);
        }
        live.end += length as u64;
        self.written += 1;
        let segment = Arc::clone(&live.segment);
        Ok(Place {
            segment,
            at,
            length,
        })
    }

    /// Bytes left in the segment that is written to.
    fn room(&self) -> u64 {
        self.live.back().map_or(0, Live::room)
    }

    /// Goes on in a new segment.
    fn rotate(&mut self, bound: Bound) -> Result<(), NoRoom> {
        let next = match self.spare.take() {
            Some(spare) => spare,
            None if bound == Bound::Kept && !self.may_grow() => return Err(NoRoom),
            None => match self.make() {
                Ok(made) => Arc::new(made),
                Err(error) => {
                    self.refuse(&error);
                    return Err(NoRoom);
                }
            },
        };
        if let Some(full) = self.live.back() {
            self.unsynced.push(Arc::clone(&full.segment));
        }
        self.push(next);
        Ok(())
    }

    fn push(&mut self, segment: Arc<Segment>) {
        self.new_names = true;
        self.live.push_back(Live {
            segment,
            end: FIRST,
            open: 0,
            sealed: false,
        });
    }

    fn make(&mut self) -> io::Result<Segment> {
        self.newest += 1;
        Segment::create(&self.folder, self.newest, self.sizes.segment, self.identity)
    }

    fn refuse(&mut self, error: &io::Error) {
        if !self.refused {
            tracing::error!(%error, folder = %self.folder.display(),
                "the disk does not take the journal: new requests are refused until it does");
        }
        self.refused = true;
    }

    /// Whether one more segment is within the bound.
    fn may_grow(&self) -> bool {
        self.set_aside() + self.sizes.segment <= self.sizes.max
    }

    /// Bytes of the disk that are taken.
    fn set_aside(&self) -> u64 {
        let files = self.live.len() + usize::from(self.spare.is_some());
        files as u64 * self.sizes.segment
    }

    /// Whether new work must be refused. A quarter of a segment stays for what was admitted.
    pub(super) fn are_full(&self) -> bool {
        let last = self.spare.is_none() && self.room() < self.sizes.segment / 4;
        let beyond = self.set_aside() > self.sizes.max;
        beyond || last && (self.refused || !self.may_grow())
    }

    /// Whether the disk refused something that is to be tried again.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// How to make the segment that should be there before it is needed, if one should. It is made
    /// without the lock: the disk may take its time.
    pub(super) fn wanted_spare(&mut self) -> Option<impl FnOnce() -> io::Result<Segment> + use<>> {
        let soon = self.room() < self.sizes.segment / 4 * 3;
        let wanted = self.spare.is_none() && soon && self.may_grow();
        // After a refusal it also shows whether the disk takes something again.
        if !wanted && !self.refused {
            return None;
        }
        self.newest += 1;
        let (folder, number) = (self.folder.clone(), self.newest);
        let (size, identity) = (self.sizes.segment, self.identity);
        Some(move || Segment::create(&folder, number, size, identity))
    }

    /// Takes a spare segment, or the news that none could be made. Gives one back that nobody needs
    /// any more, to be removed: a rotation was faster.
    pub(super) fn set_spare(&mut self, made: io::Result<Segment>) -> Option<Segment> {
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                self.refuse(&error);
                return None;
            }
        };
        let behind = self.is_finished(made.number);
        let unneeded = if self.spare.is_none() && !behind {
            self.spare = Some(Arc::new(made));
            None
        } else {
            Some(made)
        };
        if std::mem::take(&mut self.refused) {
            tracing::info!("the disk takes the journal again");
        }
        unneeded
    }

    /// What was written since this was last asked.
    pub(super) fn take_unsynced(&mut self) -> Unsynced {
        let mut segments = std::mem::take(&mut self.unsynced);
        segments.extend(self.live.back().map(|live| Arc::clone(&live.segment)));
        Unsynced {
            segments,
            new_names: std::mem::take(&mut self.new_names),
            written: self.written,
        }
    }

    /// Entries written, ever.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The segment that `from` is in or before, and where its entries end.
    pub(super) fn segment_at(&self, from: Position) -> Option<(Arc<Segment>, u64)> {
        let live = self
            .live
            .iter()
            .find(|live| live.segment.number >= from.segment)?;
        Some((Arc::clone(&live.segment), live.end))
    }

    /// Whether nothing will be written to that segment any more.
    pub(super) fn is_finished(&self, number: u64) -> bool {
        let last = self.live.back();
        last.is_some_and(|live| live.segment.number > number)
    }

    /// Takes out the oldest segment when the store has all of it and nothing in it is open.
    pub(super) fn pop_done(&mut self, stored: Position) -> Option<Arc<Segment>> {
        let oldest = self.live.front()?;
        let done = oldest.segment.number < stored.segment && oldest.open == 0;
        if !done || self.live.len() < 2 {
            return None;
        }
        self.live.pop_front().map(|live| live.segment)
    }

    /// The oldest segment's number and its open holds, once there are more than `kept`.
    pub(super) fn oldest_beyond(&self, kept: usize) -> Option<(u64, usize)> {
        let oldest = self.live.front()?;
        (self.live.len() > kept).then_some((oldest.segment.number, oldest.open))
    }

    /// Behind the last entry.
    pub(super) fn end(&self) -> Option<Position> {
        self.live.back().map(|live| Position {
            segment: live.segment.number,
            at: live.end,
        })
    }

    /// Bytes in it.
    pub(super) fn bytes(&self) -> u64 {
        self.live.iter().map(|live| live.end).sum()
    }

    /// An open hold is there.
    pub(super) fn count_open(&mut self, place: &Place) {
        if let Some(live) = self.live_at(place) {
            live.open += 1;
        }
    }

    /// It is open no longer, or not there.
    pub(super) fn count_settled(&mut self, place: &Place) {
        if let Some(live) = self.live_at(place) {
            live.open = live.open.saturating_sub(1);
        }
    }

    /// Numbers may have gaps, where making a segment failed: few are alive, and the newest are
    /// asked for most.
    fn live_at(&mut self, place: &Place) -> Option<&mut Live> {
        let number = place.segment.number;
        self.live
            .iter_mut()
            .rev()
            .find(|live| live.segment.number == number)
    }
}
