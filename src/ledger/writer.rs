//! Hands records to a store in batches, from one thread, losing none.
//!
//! Room is reserved before a request is admitted, so the queue is bounded and a record that was
//! promised a place always has one. While the store is away the thread tries again for ever, the
//! queue fills, `reserve` says no, and the gateway refuses new work instead of forgetting old.

mod desk;
mod drain;

use std::fmt;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::desk::Desk;
use self::drain::Drain;
use crate::record::Record;

/// Where records go. Called from a plain thread: it may block.
pub trait Sink: Send + Sync + 'static {
    /// Keeps the whole batch or, failing, may have kept any part of it: it is put again, and a
    /// record whose id is already kept must change nothing.
    fn put(&self, batch: &[Record]) -> Result<(), SinkError>;
}

/// Why a sink could not keep a batch.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SinkError {
    /// Wraps the cause, an error or a text.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        SinkError(cause.into())
    }
}

/// What the writer has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records the store has.
    pub stored: u64,
    /// Batches the store took.
    pub batches: u64,
    /// Attempts that failed; each was followed by another.
    pub failures: u64,
}

/// The queue of records on their way to the store, and the thread that empties it.
pub struct Writer {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. Threads do not survive a fork: call it in the process that serves.
    ///
    /// `capacity` bounds reserved slots and queued records together.
    pub fn start(sink: Arc<dyn Sink>, capacity: usize) -> Writer {
        let (queue, items) = mpsc::channel();
        let desk = Arc::new(Desk::new(queue, capacity));
        let drain = Drain::new(Arc::clone(&desk), items, sink);
        let thread = thread::Builder::new()
            .name("ledger".into())
            .spawn(move || drain.run())
            .expect("a thread at start: without one the process cannot serve at all");
        desk.set_worker(thread.thread().clone());
        Writer {
            desk,
            thread: Mutex::new(Some(thread)),
        }
    }

    /// Room for one record, or `None` when there is none: admit no further work.
    pub fn reserve(&self) -> Option<Slot> {
        self.desk.reserve().then(|| Slot {
            desk: Some(Arc::clone(&self.desk)),
        })
    }

    /// Records written and not yet stored.
    pub fn queued(&self) -> usize {
        self.desk.queued()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.desk.counts()
    }

    /// Waits until every record written before this call is stored; `false` when `timeout` ends first.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.desk.wait_until_stored(timeout)
    }

    /// Stores what is queued and ends the thread; returns how many records could not be stored.
    ///
    /// Gives slots still out half a second and a failing store five before it gives up: the process
    /// is about to end, and nothing in it can wait for ever. Later calls return at once.
    pub fn stop(&self) -> usize {
        self.desk.stop();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A drain that panicked has left its records in the count below.
        let _ = thread.map(JoinHandle::join);
        self.queued()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// Room for one record. Dropped without a record it frees itself.
#[must_use = "a slot dropped at once holds no room"]
pub struct Slot {
    /// `None` once the room belongs to a record.
    desk: Option<Arc<Desk>>,
}

impl Slot {
    /// Queues the record; it is in the store within 100 ms while the store answers.
    pub fn write(mut self, record: Record) {
        if let Some(desk) = self.desk.take() {
            desk.accept(record);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(desk) = &self.desk {
            desk.free(1);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

#[cfg(test)]
mod tests;
