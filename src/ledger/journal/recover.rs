//! What another process left: its settlements for the store, and records for what it never settled.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::Batch;
use super::entry::{self, Entry, Position, Ticket};
use super::folder::{self, Folder};
use super::hold::{Hold, Progress};
use super::identity::Stranger;
use super::scan::Scan;
use super::segment::{self, FIRST, Segment};

/// Records put at a time.
const BATCH: usize = 500;

/// What was found in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Settlements that the store may not have had.
    pub settled: u64,
    /// Requests without a settlement: `gateway_lost`.
    pub lost: u64,
    /// Damaged bytes that were passed over, such as the torn end after a loss of power.
    pub torn_bytes: u64,
}

/// Why a folder stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum NotRecovered {
    /// What is in it is not for this program.
    #[error("{0}")]
    Stranger(#[from] Stranger),
    /// It cannot be read, or not be removed.
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// Whoever puts the records gave up.
    #[error("the store took no records until the end")]
    Stopped,
}

/// A folder that nobody else writes to.
pub struct Orphan(Folder);

impl Orphan {
    /// The folders in `base` that may be orphans; `own` is none.
    pub fn candidates(base: &Path, own: &Path) -> io::Result<Vec<PathBuf>> {
        folder::others(base, own)
    }

    /// Takes the folder, unless a process still has it or it is gone.
    pub fn take(path: &Path) -> io::Result<Option<Orphan>> {
        Ok(Folder::take(path)?.map(Orphan))
    }

    /// Puts what is in it, each record at least once, and removes it. `put` is asked with batches,
    /// and says `false` when it gives up.
    ///
    /// # Errors
    /// Then the folder stays as it is, to be recovered later.
    pub fn recover(self, put: &mut dyn FnMut(&Batch) -> bool) -> Result<Recovered, NotRecovered> {
        let salt = self.0.identity()?;
        let salt = match salt {
            Ok(identity) => identity.salt,
            // Nothing was ever promised.
            Err(Stranger::Empty) => {
                self.0.remove()?;
                return Ok(Recovered::default());
            }
            Err(stranger) => return Err(stranger.into()),
        };
        let mut found = Recovered::default();
        let survey = survey(&self.0, salt, &mut found)?;
        put_settled(&self.0, salt, survey.stored, &mut found, put)?;
        put_lost(survey.open, &mut found, put)?;
        self.0.remove()?;
        Ok(found)
    }
}

impl fmt::Debug for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.path().fmt(f)
    }
}

/// What the first reading finds. It holds as many requests as were in flight, no more.
#[derive(Default)]
struct Survey {
    open: HashMap<Ticket, (Box<Hold>, Option<Box<Progress>>)>,
    stored: Position,
}

fn survey(folder: &Folder, salt: u32, found: &mut Recovered) -> Result<Survey, NotRecovered> {
    let mut survey = Survey::default();
    for (number, path) in segment::list(folder.path())? {
        let mut scan = whole(number, path, salt)?;
        while let Some(payload) = scan.next()? {
            match entry::read(payload) {
                Ok(Entry::Hold(ticket, hold)) => {
                    survey.open.insert(ticket, (hold, None));
                }
                Ok(Entry::Progress(ticket, seen)) => {
                    if let Some((_, known)) = survey.open.get_mut(&ticket) {
                        *known = Some(seen);
                    }
                }
                Ok(Entry::Settlement(ticket, _)) => {
                    survey.open.remove(&ticket);
                }
                Ok(Entry::Stored(position)) => survey.stored = survey.stored.max(position),
                Err(error) => tracing::error!(%error, number, "in a journal that was left"),
            }
        }
        found.torn_bytes += scan.torn();
    }
    Ok(survey)
}

fn put_settled(
    folder: &Folder,
    salt: u32,
    stored: Position,
    found: &mut Recovered,
    put: &mut dyn FnMut(&Batch) -> bool,
) -> Result<(), NotRecovered> {
    let mut batch = Batch::with_capacity(BATCH);
    for (number, path) in segment::list(folder.path())? {
        if number < stored.segment {
            continue;
        }
        let mut scan = whole(number, path, salt)?;
        while let Some(payload) = scan.next()? {
            let record = match entry::is_settlement(payload).then(|| entry::read(payload)) {
                Some(Ok(Entry::Settlement(_, record))) => *record,
                _ => continue,
            };
            let place = Position {
                segment: number,
                at: scan.at(),
            };
            if place <= stored {
                continue;
            }
            batch.push(record, place);
            if batch.len() == BATCH {
                flush(&mut batch, put)?;
            }
            found.settled += 1;
        }
    }
    flush(&mut batch, put)
}

fn put_lost(
    open: HashMap<Ticket, (Box<Hold>, Option<Box<Progress>>)>,
    found: &mut Recovered,
    put: &mut dyn FnMut(&Batch) -> bool,
) -> Result<(), NotRecovered> {
    let mut batch = Batch::with_capacity(BATCH);
    // In an order that is the same whenever this is done again.
    let mut open: Vec<_> = open.into_iter().collect();
    open.sort_unstable_by_key(|(ticket, _)| *ticket);
    for (_, (hold, seen)) in open {
        batch.push_lost(hold.lost(seen.map(|seen| *seen)), found.lost);
        if batch.len() == BATCH {
            flush(&mut batch, put)?;
        }
        found.lost += 1;
    }
    flush(&mut batch, put)
}

fn flush(batch: &mut Batch, put: &mut dyn FnMut(&Batch) -> bool) -> Result<(), NotRecovered> {
    if !batch.is_empty() && !put(batch) {
        return Err(NotRecovered::Stopped);
    }
    batch.clear();
    Ok(())
}

fn whole(number: u64, path: PathBuf, salt: u32) -> io::Result<Scan> {
    let segment = Segment::open(number, path)?;
    let size = segment.size;
    Ok(Scan::new(Arc::new(segment), salt, FIRST, size))
}
