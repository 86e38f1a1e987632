//! What the writer, its slots and its thread share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use super::Counts;
use super::drain::MAX_BATCH;
use crate::record::Record;

/// What travels to the thread.
pub(super) enum Item {
    // Boxed: a record has some 500 bytes, and the channel would copy them twice.
    Record(Box<Record>),
    Stop,
}

/// The counters and the queue. Nothing here blocks for longer than a few instructions but
/// `wait_until_stored`.
pub(super) struct Desk {
    queue: Sender<Item>,
    capacity: usize,
    /// Slots given out, and records not yet stored.
    taken: AtomicUsize,
    /// Records not yet stored.
    queued: AtomicUsize,
    /// Records given to the queue, ever.
    accepted: AtomicU64,
    counts: Mutex<Counts>,
    progress: Condvar,
    stopping: AtomicBool,
    worker: OnceLock<Thread>,
}

impl Desk {
    pub(super) fn new(queue: Sender<Item>, capacity: usize) -> Desk {
        Desk {
            queue,
            capacity,
            taken: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            counts: Mutex::default(),
            progress: Condvar::new(),
            stopping: AtomicBool::new(false),
            worker: OnceLock::new(),
        }
    }

    pub(super) fn set_worker(&self, worker: Thread) {
        let _ = self.worker.set(worker);
    }

    /// Takes room for one record, if there is any.
    pub(super) fn reserve(&self) -> bool {
        if self.stopping() {
            return false;
        }
        let room = self.taken.fetch_add(1, Ordering::Relaxed) < self.capacity;
        if !room {
            self.free(1);
        }
        room
    }

    pub(super) fn free(&self, rooms: usize) {
        self.taken.fetch_sub(rooms, Ordering::Relaxed);
    }

    /// Rooms in use.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Queues a record whose room was reserved.
    pub(super) fn accept(&self, record: Record) {
        self.accepted.fetch_add(1, Ordering::Release);
        let before = self.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(unsent) = self.queue.send(Item::Record(Box::new(record))) {
            if let Item::Record(record) = unsent.0 {
                tracing::error!(
                    id = record.id,
                    "record written after the ledger stopped: not stored"
                );
            }
            return;
        }
        // The thread sleeps while a batch gathers; a full one need not wait. Once per batch, not
        // per record: waking costs a system call.
        if before + 1 == MAX_BATCH {
            self.wake();
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn counts(&self) -> Counts {
        *self.lock()
    }

    /// A batch of so many records is stored.
    pub(super) fn stored(&self, records: usize) {
        self.queued.fetch_sub(records, Ordering::Relaxed);
        self.free(records);
        let mut counts = self.lock();
        counts.stored += records as u64;
        counts.batches += 1;
        drop(counts);
        self.progress.notify_all();
    }

    /// An attempt failed.
    pub(super) fn failed(&self) {
        self.lock().failures += 1;
    }

    /// The queue keeps its order, so as many stored records as are accepted now include all of these.
    pub(super) fn wait_until_stored(&self, timeout: Duration) -> bool {
        let goal = self.accepted.load(Ordering::Acquire);
        self.wake();
        let behind = |counts: &mut Counts| counts.stored < goal;
        let (counts, _) = self
            .progress
            .wait_timeout_while(self.lock(), timeout, behind)
            .unwrap_or_else(PoisonError::into_inner);
        counts.stored >= goal
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // Fails only when the thread has ended already.
        let _ = self.queue.send(Item::Stop);
        self.wake();
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn wake(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
