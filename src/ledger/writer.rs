//! Hands records to a store in batches, through the journal, losing none.
//!
//! A slot is reserved before a request is admitted, so the requests in flight are bounded and a
//! record that was promised a place always has one: on the disk, not in memory. While the store is
//! away its thread tries again for ever and requests go on, until the journal has reached its
//! maximum; then `reserve` says no, and the gateway refuses new work instead of forgetting old.

mod desk;
mod drain;
mod persist;
mod rescue;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::desk::Desk;
use self::drain::Drain;
use self::persist::Persist;
use self::rescue::Rescue;
use crate::journal::{Full, Hold, Journal, Place, Position, Progress, Synced};
use crate::record::Record;

/// Where records go. Called from a plain thread: it may block.
pub trait Sink: Send + Sync + 'static {
    /// Keeps the whole batch or, failing, may have kept any part of it: it is put again, and a
    /// record whose id is already kept must change nothing.
    fn put(&self, batch: &[Record]) -> Result<(), SinkError>;

    /// The same, for records that the process `node` has made: what they cost is taken off its
    /// leases too. `places` has one for each of them, rising, or none: a record at a place of that
    /// process that was put already is known, even when nothing else is left of it.
    fn put_of(&self, node: &str, batch: &[Record], places: &[Place]) -> Result<(), SinkError> {
        let _ = (node, places);
        self.put(batch)
    }

    /// Everything that the process `node` has made is here, and it is no more: its leases are free, and its places forgotten.
    fn ended(&self, node: &str) -> Result<(), SinkError> {
        let _ = node;
        Ok(())
    }
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

/// The journal of records on their way to the store, and the threads that empty it.
pub struct Writer {
    desk: Arc<Desk>,
    journal: Journal,
    sink: Arc<dyn Sink>,
    node: String,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    drain: JoinHandle<Position>,
    rescue: JoinHandle<()>,
}

impl Writer {
    /// Starts the threads. Threads do not survive a fork: call it in the process that serves.
    ///
    /// `capacity` bounds the slots that are out at a time. What other processes left in the
    /// journal's folder is brought to the sink too.
    pub fn start(sink: Arc<dyn Sink>, journal: Journal, capacity: usize) -> Writer {
        let desk = Arc::new(Desk::new(Arc::clone(journal.core()), capacity));
        let persist = || Persist::new(Arc::clone(&desk), Arc::clone(&sink));
        let own = journal.core().folder();
        let node = node_name(own);
        let drain = Drain::new(Arc::clone(&desk), persist(), &node);
        let rescue = Rescue::new(Arc::clone(&desk), persist(), journal.base(), own);
        let drain = spawn("ledger", move || drain.run());
        let rescue = spawn("rescue", move || rescue.run());
        desk.set_workers([drain.thread().clone(), rescue.thread().clone()]);
        Writer {
            desk,
            journal,
            sink,
            node,
            threads: Mutex::new(Some(Threads { drain, rescue })),
        }
    }

    /// The name of this process among all that share the store: that of its journal's folder.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Room for one record, or `None` when there is none: admit no further work.
    pub fn reserve(&self) -> Option<Slot> {
        self.desk.reserve().then(|| Slot {
            desk: Some(Arc::clone(&self.desk)),
            ticket: 0,
        })
    }

    /// Records written, ever. They are stored in their order.
    pub fn written(&self) -> u64 {
        self.desk.accepted()
    }

    /// Records written and not yet stored.
    pub fn queued(&self) -> usize {
        self.desk.queued()
    }

    /// Whether everything that dead processes left in the journal's folder before this one began
    /// is stored: from then on the store owes this folder nothing but this process's own records.
    pub fn is_rescued(&self) -> bool {
        self.desk.is_rescued()
    }

    /// Bytes in this process's journal.
    pub fn journal_bytes(&self) -> u64 {
        self.desk.journal.bytes()
    }

    /// Whether the journal takes no new requests.
    pub fn journal_is_full(&self) -> bool {
        self.desk.journal.is_full()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.desk.counts()
    }

    /// Waits until every record written before this call is stored; `false` when `timeout` ends first.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.desk.wait_until_stored(timeout)
    }

    /// Stores what is queued and ends the threads; returns how many records are left to the next
    /// start, in the journal.
    ///
    /// Gives slots still out half a second, a failing store five and a slow one ten before it gives
    /// up: the process is about to end, and nothing in it can wait for ever. Later calls return at
    /// once.
    pub fn stop(&self) -> usize {
        self.desk.stop();
        let threads = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(threads) = threads {
            // What a thread that panicked did not store is still in the journal.
            let stored = threads.drain.join().unwrap_or_default();
            let _ = threads.rescue.join();
            if self.journal.close(stored) {
                persist::end(&*self.sink, &self.node);
            }
        }
        self.queued()
    }
}

/// Under which name the sink knows the process of a journal's folder. A number that nobody else draws
/// is in it, so it is another one on every machine and after every start.
fn node_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .expect("a thread at start: without one the process cannot serve at all")
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

/// Room for one record. Dropped without a record it frees itself; a hold that was written is then
/// settled as lost, because its request ended in a way that nobody saw.
#[must_use = "a slot dropped at once holds no room"]
pub struct Slot {
    /// `None` once the record is written.
    desk: Option<Arc<Desk>>,
    /// 0: no hold.
    ticket: u64,
}

impl Slot {
    /// Writes what is known before the first upstream call; once. The request may go on when the
    /// future is ready.
    ///
    /// # Errors
    /// When the journal is full: the request must be refused.
    pub fn hold(&mut self, hold: &Hold) -> Result<Synced, Full> {
        let Some(desk) = &self.desk else {
            return Err(Full);
        };
        let (ticket, synced) = desk.journal.hold(hold)?;
        self.ticket = ticket;
        Ok(synced)
    }

    /// Notes how far the answer is, for the case that the process dies.
    pub fn progress(&self, seen: Progress) {
        if let Some(desk) = &self.desk {
            desk.journal.progress(self.ticket, seen);
        }
    }

    /// Writes the record; it is in the store within 100 ms while the store answers.
    pub fn write(mut self, record: &Record) {
        if let Some(desk) = self.desk.take() {
            desk.accept(self.ticket, record);
            desk.free();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(desk) = &self.desk else {
            return;
        };
        if self.ticket != 0
            && let Some(lost) = desk.journal.abandoned(self.ticket)
        {
            desk.accept(self.ticket, &lost);
        }
        desk.free();
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

#[cfg(test)]
mod tests;
