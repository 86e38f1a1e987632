//! A question to the treasury that requests wait for, without a thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// One question, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) asked: Instant,
    /// `None` once it is answered.
    waiting: Mutex<Option<Vec<Waker>>>,
}

impl Question {
    pub(super) fn new(now: Instant) -> Question {
        Question {
            asked: now,
            waiting: Mutex::new(Some(Vec::new())),
        }
    }

    /// Ready once it is answered; the account has what was.
    pub(super) fn answered(self: Arc<Self>) -> Answered {
        Answered(self)
    }

    /// Whoever waits looks again.
    pub(super) fn close(&self) {
        let waiting = self.waiting().take();
        for waker in waiting.into_iter().flatten() {
            waker.wake();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Waker>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer.
#[derive(Debug)]
pub(super) struct Answered(Arc<Question>);

impl Future for Answered {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut *self.0.waiting() {
            None => Poll::Ready(()),
            Some(waiting) => {
                if !waiting.iter().any(|one| one.will_wake(context.waker())) {
                    waiting.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}
