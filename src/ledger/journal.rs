//! Usage that survives whatever dies: an append-only file of holds and settlements.
//!
//! Before the first upstream call a request's **hold** is written, before the end of its answer
//! its **settlement**; both are in the kernel's hands when the call returns, so that no death of
//! the process loses them, and on the disk within the period of `fsync`. The store gets the
//! settlements from here, in its own time. A hold without a settlement, found by a later process, is
//! a request that was lost with its gateway, and becomes a record too.
//!
//! ```text
//! data/journal/4711-0123456789abcdef/    one process, locked while it lives
//!     lock                                what it is: version, salt
//!     0000000000000001.segment            entries one after another (frame.rs, entry.rs)
//!     0000000000000002.segment            the newest; older ones go when nobody needs them
//! ```

mod backlog;
mod batch;
mod codec;
mod core;
mod entry;
mod folder;
mod frame;
mod hold;
mod identity;
mod recover;
mod scan;
mod segment;
mod segments;
mod synced;
mod syncer;
mod tail;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use batch::{Batch, Place};
pub use hold::{HeldRates, Hold, Progress};
pub use identity::Stranger;
pub use recover::{NotRecovered, Orphan, Recovered};
pub use synced::{NotSynced, Synced};

pub(crate) use self::backlog::Backlog;
pub(crate) use self::core::Core;
pub(crate) use self::entry::Position;

use self::folder::Folder;
use self::identity::Identity;
use self::segments::Sizes;

/// Bytes of a segment, unless the whole journal is to be small.
const SEGMENT: u64 = 16 << 20;
/// The journal has at least so many segments.
const LEAST_SEGMENTS: u64 = 16;
/// A segment of fewer bytes would not hold a few of the largest entries.
const LEAST_SEGMENT: u64 = 64 << 10;

/// Where the journal is and what it promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its folder; each process has one of its own in it.
    pub path: PathBuf,
    /// When the disk has what was written.
    pub fsync: Fsync,
    /// Bytes it may take; at that, new requests are refused. What was admitted may pass it.
    pub max: u64,
}

/// When the disk has what was written; the kernel has it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// A hold before its request goes on, a settlement soon.
    Always,
    /// At the latest after so long.
    Every(Duration),
}

/// The journal takes nothing more: it has reached its maximum, or the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal is full")]
pub struct Full;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the journal in {path} cannot be written: {source}")]
pub struct CannotOpen {
    path: PathBuf,
    source: io::Error,
}

/// A process's journal, open for writing.
pub struct Journal {
    base: PathBuf,
    core: Arc<Core>,
    syncer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Makes and locks a folder of its own, and starts the thread that syncs. Threads do not
    /// survive a fork: call it in the process that serves.
    pub fn open(options: &Options) -> Result<Journal, CannotOpen> {
        let fair = options.max / LEAST_SEGMENTS;
        let sizes = Sizes {
            segment: fair.clamp(LEAST_SEGMENT, SEGMENT),
            max: options.max,
        };
        Journal::open_sized(options, sizes).map_err(|source| CannotOpen {
            path: options.path.clone(),
            source,
        })
    }

    fn open_sized(options: &Options, sizes: Sizes) -> io::Result<Journal> {
        let identity = Identity::new();
        let folder = Folder::create(&options.path, identity)?;
        let core = Arc::new(Core::begin(folder, identity, options.fsync, sizes)?);
        let syncer = thread::Builder::new().name("journal".into()).spawn({
            let (core, fsync) = (Arc::clone(&core), options.fsync);
            move || syncer::run(&core, fsync)
        })?;
        core.set_syncer(syncer.thread().clone());
        Ok(Journal {
            base: options.path.clone(),
            core,
            syncer: Mutex::new(Some(syncer)),
        })
    }

    /// What its users share.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// The folder in which processes have theirs.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// Ends the syncer, and removes the folder when the store has everything in it before
    /// `stored` and that is all. Says whether it did.
    pub(crate) fn close(&self, stored: Position) -> bool {
        self.end();
        let removed = self.core.remove_if_done(stored);
        match &removed {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                folder = %self.core.folder().display(),
                "records are left in the journal: the next start brings them to the store"
            ),
            Err(error) => tracing::warn!(%error, "the journal's folder cannot be removed"),
        }
        removed.unwrap_or(false)
    }

    fn end(&self) {
        self.core.close();
        let syncer = self
            .syncer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A syncer that panicked has told so.
        let _ = syncer.map(JoinHandle::join);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
