//! What the writer, its slots and its threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::Counts;
use crate::journal::Core;
use crate::record::Record;

/// The counters, and the journal that records go to. Nothing here blocks for longer than a write
/// to the kernel but `wait_until_stored`.
pub(super) struct Desk {
    pub(super) journal: Arc<Core>,
    capacity: usize,
    /// Slots given out.
    taken: AtomicUsize,
    /// Records given to the journal, ever.
    accepted: AtomicU64,
    /// Those that it has.
    written: AtomicU64,
    counts: Mutex<Counts>,
    progress: Condvar,
    /// Somebody waits for everything to be stored.
    hurry: AtomicBool,
    stopping: AtomicBool,
    /// The folders of dead processes were looked through once.
    rescued: AtomicBool,
    workers: OnceLock<[Thread; 2]>,
}

impl Desk {
    pub(super) fn new(journal: Arc<Core>, capacity: usize) -> Desk {
        Desk {
            journal,
            capacity,
            taken: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            written: AtomicU64::new(0),
            counts: Mutex::default(),
            progress: Condvar::new(),
            hurry: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            rescued: AtomicBool::new(false),
            workers: OnceLock::new(),
        }
    }

    pub(super) fn set_workers(&self, workers: [Thread; 2]) {
        let _ = self.workers.set(workers);
    }

    /// Takes room for one record, if there is any.
    pub(super) fn reserve(&self) -> bool {
        if self.stopping() || self.journal.is_full() {
            return false;
        }
        let room = self.taken.fetch_add(1, Ordering::Relaxed) < self.capacity;
        if !room {
            self.free();
        }
        room
    }

    pub(super) fn free(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    /// Rooms in use.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Gives a record to the journal; `ticket` is that of its hold, 0 when it has none.
    pub(super) fn accept(&self, ticket: u64, record: &Record) {
        self.accepted.fetch_add(1, Ordering::Release);
        self.journal.settle(ticket, record);
        self.written.fetch_add(1, Ordering::Release);
    }

    /// Records that the journal has, or keeps in memory until the disk takes them.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Records accepted, ever.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    pub(super) fn queued(&self) -> usize {
        let accepted = self.accepted();
        usize::try_from(accepted.saturating_sub(self.lock().stored)).unwrap_or(usize::MAX)
    }

    pub(super) fn counts(&self) -> Counts {
        *self.lock()
    }

    /// A batch of so many records is stored.
    pub(super) fn stored(&self, records: usize) {
        let mut counts = self.lock();
        counts.stored += records as u64;
        counts.batches += 1;
        drop(counts);
        self.progress.notify_all();
    }

    /// So many records, of all that were accepted, are stored or can never be: the journal was read to
    /// its end.
    pub(super) fn read_all(&self, records: u64) {
        let mut counts = self.lock();
        let lost = records.saturating_sub(counts.stored);
        if lost > 0 {
            // Nobody waits for them any longer.
            tracing::error!(
                lost,
                "records of the journal cannot be read back, and are lost"
            );
            counts.stored += lost;
            drop(counts);
            self.progress.notify_all();
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&self) {
        self.lock().failures += 1;
    }

    /// The journal keeps its order, so as many stored records as are accepted now include all of
    /// these.
    pub(super) fn wait_until_stored(&self, timeout: Duration) -> bool {
        let goal = self.accepted();
        self.hurry.store(true, Ordering::Release);
        self.wake();
        let behind = |counts: &mut Counts| counts.stored < goal;
        let (counts, _) = self
            .progress
            .wait_timeout_while(self.lock(), timeout, behind)
            .unwrap_or_else(PoisonError::into_inner);
        counts.stored >= goal
    }

    /// Sleeps, unless somebody is in a hurry or the writer stops.
    pub(super) fn rest(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.stopping() && !self.hurry.swap(false, Ordering::AcqRel) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }

    pub(super) fn set_rescued(&self) {
        self.rescued.store(true, Ordering::Release);
    }

    pub(super) fn is_rescued(&self) -> bool {
        self.rescued.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn wake(&self) {
        for worker in self.workers.get().into_iter().flatten() {
            worker.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
