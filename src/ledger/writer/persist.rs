//! Puts a batch until the sink takes it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::{Sink, SinkError};
use crate::journal::Batch;

/// Pauses after failures: doubling from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// On stop: how long a failing sink is still tried.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The sink failed until the time to stop was over. The records are still in the journal.
pub(super) struct GaveUp;

/// A sink that is asked again and again.
pub(super) struct Persist {
    desk: Arc<Desk>,
    sink: Arc<dyn Sink>,
    /// Set when the stop is first seen while the sink fails.
    give_up: Option<Instant>,
}

impl Persist {
    pub(super) fn new(desk: Arc<Desk>, sink: Arc<dyn Sink>) -> Persist {
        Persist {
            desk,
            sink,
            give_up: None,
        }
    }

    /// Puts what the process `node` has made.
    pub(super) fn put(&mut self, node: &str, batch: &Batch) -> Result<(), GaveUp> {
        let mut pause = FIRST_PAUSE;
        let mut attempts: u64 = 1;
        while let Err(error) = self.put_once(node, batch) {
            self.desk.failed();
            let records = batch.len();
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
        Ok(())
    }

    fn over(&mut self) -> bool {
        let now = Instant::now();
        now >= *self.give_up.get_or_insert(now + STOP_GRACE)
    }

    fn put_once(&self, node: &str, batch: &Batch) -> Result<(), SinkError> {
        caught(|| self.sink.put_of(node, batch.records(), batch.places()))
    }

    /// Says once that the sink has everything of a process that is no more; whether it heard.
    pub(super) fn end(&self, node: &str) -> bool {
        end(&*self.sink, node)
    }
}

/// Says once that the sink has everything of a process that is no more; whether it heard. What that
/// process had leased comes back later by itself when it did not.
pub(super) fn end(sink: &dyn Sink, node: &str) -> bool {
    let told = caught(|| sink.ended(node));
    if let Err(error) = &told {
        tracing::warn!(%error, node, "what a process that ended had leased is not free yet");
    }
    told.is_ok()
}

/// A panic in the sink is a failure like any other: the thread must outlive it, because without it
/// the journal fills and the gateway refuses everything.
fn caught(work: impl FnOnce() -> Result<(), SinkError>) -> Result<(), SinkError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(SinkError::new("the sink panicked")))
}
