//! The thread that empties the queue into the sink.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use super::desk::{Desk, Item};
use super::{Sink, SinkError};
use crate::record::Record;

/// Records in one batch at most.
pub(super) const MAX_BATCH: usize = 500;
/// How long a batch gathers: most of a record's way into the store, half of the promised 100 ms.
const GATHER: Duration = Duration::from_millis(50);
/// Pauses after failures: doubling from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// On stop: how long a failing sink is still tried.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// On stop: how long slots still out may bring their records.
const SLOT_GRACE: Duration = Duration::from_millis(500);
/// On stop: how often is looked whether slots are still out.
const SLOT_POLL: Duration = Duration::from_millis(5);

/// What the thread owns.
pub(super) struct Drain {
    desk: Arc<Desk>,
    items: Receiver<Item>,
    sink: Arc<dyn Sink>,
    batch: Vec<Record>,
    /// Set when the stop is first seen while the sink fails.
    give_up: Option<Instant>,
}

/// The sink failed until the time to stop was over.
struct GaveUp;

impl Drain {
    pub(super) fn new(desk: Arc<Desk>, items: Receiver<Item>, sink: Arc<dyn Sink>) -> Drain {
        Drain {
            desk,
            items,
            sink,
            batch: Vec::with_capacity(MAX_BATCH),
            give_up: None,
        }
    }

    pub(super) fn run(mut self) {
        let end = self.serve().and_then(|()| self.finish());
        if end.is_err() || self.desk.queued() > 0 {
            let lost = self.desk.queued();
            tracing::error!(
                lost,
                "the store took no records until the end: they are not stored"
            );
        }
    }

    /// Until the stop: batch after batch.
    fn serve(&mut self) -> Result<(), GaveUp> {
        while !self.desk.stopping() {
            self.await_first();
            self.gather();
            self.store()?;
        }
        Ok(())
    }

    /// After the stop: what is left, and what slots still out bring.
    fn finish(&mut self) -> Result<(), GaveUp> {
        let end = Instant::now() + SLOT_GRACE;
        loop {
            self.gather();
            if !self.batch.is_empty() {
                self.store()?;
            } else if self.desk.taken() == 0 || Instant::now() >= end {
                return Ok(());
            } else {
                thread::sleep(SLOT_POLL);
            }
        }
    }

    /// Sleeps until there is a record, then lets others join it.
    fn await_first(&mut self) {
        let Ok(Item::Record(record)) = self.items.recv() else {
            return;
        };
        self.batch.push(*record);
        if self.desk.queued() < MAX_BATCH && !self.desk.stopping() {
            thread::park_timeout(GATHER);
        }
    }

    fn gather(&mut self) {
        while self.batch.len() < MAX_BATCH {
            match self.items.try_recv() {
                Ok(Item::Record(record)) => self.batch.push(*record),
                Ok(Item::Stop) => {}
                Err(_) => return,
            }
        }
    }

    /// Puts the batch until the sink takes it.
    fn store(&mut self) -> Result<(), GaveUp> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut pause = FIRST_PAUSE;
        let mut attempts: u64 = 1;
        while let Err(error) = self.put() {
            self.desk.failed();
            let records = self.batch.len();
            tracing::warn!(%error, records, attempts, ?pause, "records not stored, trying again");
            if self.desk.stopping() && self.over() {
                return Err(GaveUp);
            }
            // A stop or a flush ends the pause early.
            thread::park_timeout(pause);
            pause = (pause * 2).min(LAST_PAUSE);
            if self.desk.stopping() {
                pause = FIRST_PAUSE;
            }
            attempts += 1;
        }
        if attempts > 1 {
            tracing::info!(attempts, "records are stored again");
        }
        self.desk.stored(self.batch.len());
        self.batch.clear();
        Ok(())
    }

    fn over(&mut self) -> bool {
        let now = Instant::now();
        now >= *self.give_up.get_or_insert(now + STOP_GRACE)
    }

    /// A panic in the sink is a failure like any other: the thread must outlive it, because
    /// without it the queue fills and the gateway refuses everything.
    fn put(&self) -> Result<(), SinkError> {
        catch_unwind(AssertUnwindSafe(|| self.sink.put(&self.batch)))
            .unwrap_or_else(|_| Err(SinkError::new("the sink panicked")))
    }
}
