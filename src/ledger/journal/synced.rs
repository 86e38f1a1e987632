//! Waiting, without a thread, until the disk has what was written.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The disk did not take what was to be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk did not take the journal")]
pub struct NotSynced;

/// How far the disk is, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Entries the disk has.
    synced: AtomicU64,
    /// How often it failed.
    failures: AtomicU64,
    waiting: Mutex<Vec<(u64, Waker)>>,
}

impl Progress {
    /// The disk has so many entries.
    pub(super) fn reached(&self, entries: u64) {
        self.synced.store(entries, Ordering::Release);
        self.wake(entries);
    }

    /// The disk failed: nobody knows what of the unsynced entries it has.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Release);
        self.wake(u64::MAX);
    }

    fn wake(&self, entries: u64) {
        let mut waiting = self.waiting();
        let ready = waiting.extract_if(.., |(wanted, _)| *wanted <= entries);
        for (_, waker) in ready {
            waker.wake();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when the disk has an entry, or at once where that is not waited for.
#[derive(Debug)]
#[must_use = "the entry counts as synced once this was awaited"]
pub struct Synced(Option<Wait>);

#[derive(Debug)]
struct Wait {
    progress: Arc<Progress>,
    entry: u64,
    failures: u64,
}

impl Synced {
    pub(super) fn at_once() -> Synced {
        Synced(None)
    }

    /// Ready when so many entries are on the disk.
    pub(super) fn when(progress: &Arc<Progress>, entry: u64) -> Synced {
        Synced(Some(Wait {
            progress: Arc::clone(progress),
            entry,
            failures: progress.failures.load(Ordering::Acquire),
        }))
    }
}

impl Wait {
    fn outcome(&self) -> Option<Result<(), NotSynced>> {
        if self.progress.synced.load(Ordering::Acquire) >= self.entry {
            return Some(Ok(()));
        }
        let failed = self.progress.failures.load(Ordering::Acquire) != self.failures;
        failed.then_some(Err(NotSynced))
    }
}

impl Future for Synced {
    type Output = Result<(), NotSynced>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(wait) = &self.0 else {
            return Poll::Ready(Ok(()));
        };
        // Looked at under the lock: whoever makes progress after that finds the waker.
        let mut waiting = wait.progress.waiting();
        match wait.outcome() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                waiting.push((wait.entry, context.waker().clone()));
                Poll::Pending
            }
        }
    }
}
