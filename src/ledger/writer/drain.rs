//! The thread that empties the journal into the sink.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::persist::{GaveUp, Persist};
use crate::journal::{Backlog, Batch, Position};

/// Records in one batch at most.
pub(super) const MAX_BATCH: usize = 500;
/// How long a batch gathers: most of a record's way into the store, half of the promised 100 ms.
const GATHER: Duration = Duration::from_millis(50);
/// How long a journal that cannot be read is left alone.
const UNREADABLE: Duration = Duration::from_secs(1);
/// On stop: how long what is left is stored; the rest waits in the journal for the next start.
const STORE_GRACE: Duration = Duration::from_secs(10);
/// On stop: how long slots still out may bring their records.
const SLOT_GRACE: Duration = Duration::from_millis(500);
/// On stop: how often is looked whether slots are still out.
const SLOT_POLL: Duration = Duration::from_millis(5);

/// What the thread owns.
pub(super) struct Drain {
    desk: Arc<Desk>,
    /// Whose records these are: the name of this process's journal.
    node: String,
    backlog: Backlog,
    persist: Persist,
    batch: Batch,
    /// Set on stop.
    give_up: Option<Instant>,
}

impl Drain {
    pub(super) fn new(desk: Arc<Desk>, persist: Persist, node: &str) -> Drain {
        Drain {
            node: node.to_owned(),
            backlog: Backlog::new(Arc::clone(&desk.journal)),
            desk,
            persist,
            batch: Batch::with_capacity(MAX_BATCH),
            give_up: None,
        }
    }

    /// Until the stop. The store has everything before the place that is returned.
    pub(super) fn run(mut self) -> Position {
        self.desk.journal.set_reader(thread::current());
        match self.serve().and_then(|()| self.finish()) {
            Ok(()) => self.backlog.position(),
            Err(GaveUp) => Position::default(),
        }
    }

    /// Until the stop: batch after batch.
    fn serve(&mut self) -> Result<(), GaveUp> {
        while !self.desk.stopping() {
            if self.desk.queued() == 0 {
                thread::park();
            }
            self.desk.rest(GATHER);
            self.store_all()?;
        }
        Ok(())
    }

    /// After the stop: what is left, and what slots still out bring.
    fn finish(&mut self) -> Result<(), GaveUp> {
        let end = Instant::now() + SLOT_GRACE;
        self.give_up = Some(Instant::now() + STORE_GRACE);
        loop {
            let over = self.desk.taken() == 0 || Instant::now() >= end;
            self.store_all()?;
            if over {
                return Ok(());
            }
            thread::sleep(SLOT_POLL);
        }
    }

    /// Stores everything that is in the journal by now.
    fn store_all(&mut self) -> Result<(), GaveUp> {
        loop {
            // In this order: what is written by now and not behind the disk is read, or unreadable.
            let written = self.desk.written();
            let in_segments = self.desk.journal.is_written();
            let read = self.backlog.read(&mut self.batch, MAX_BATCH);
            if let Err(error) = &read {
                tracing::error!(%error, "the journal cannot be read back, trying again");
                self.desk.rest(UNREADABLE);
            }
            if self.batch.is_empty() {
                if read.is_ok() && in_segments {
                    self.desk.read_all(written);
                }
                return Ok(());
            }
            if self.give_up.is_some_and(|end| Instant::now() >= end) {
                return Err(GaveUp);
            }
            self.persist.put(&self.node, &self.batch)?;
            self.desk.journal.stored(self.backlog.position());
            self.desk.stored(self.batch.len());
            self.batch.clear();
        }
    }
}
