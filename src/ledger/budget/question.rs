//! A question to the treasury that requests wait for, without a thread.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Nobody waits any longer for an answer to an older question.
const STALE: Duration = Duration::from_secs(2);

/// One question, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    asked: Instant,
    /// `None` once it is answered.
    waiting: Mutex<Option<Waiting>>,
}

/// Who waits, each under a number of its own: a treasury may take long, and those who leave meanwhile
/// are many.
#[derive(Debug, Default)]
struct Waiting {
    wakers: HashMap<u64, Waker>,
    last: u64,
}

impl Question {
    pub(super) fn new(now: Instant) -> Question {
        Question {
            asked: now,
            waiting: Mutex::new(Some(Waiting::default())),
        }
    }

    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.asked) >= STALE
    }

    /// Ready once it is answered; the account has what was.
    pub(super) fn answered(self: Arc<Self>) -> Answered {
        Answered {
            question: self,
            number: None,
        }
    }

    /// Whoever waits looks again.
    pub(super) fn close(&self) {
        let waiting = self.waiting().take().unwrap_or_default();
        for waker in waiting.wakers.into_values() {
            waker.wake();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer.
#[derive(Debug)]
pub(super) struct Answered {
    question: Arc<Question>,
    /// `None` until it was looked for the answer.
    number: Option<u64>,
}

impl Future for Answered {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Answered { question, number } = self.get_mut();
        let mut waiting = question.waiting();
        let Some(waiting) = &mut *waiting else {
            return Poll::Ready(());
        };
        let number = *number.get_or_insert_with(|| {
            waiting.last += 1;
            waiting.last
        });
        let waker = context.waker();
        let kept = waiting.wakers.entry(number);
        kept.and_modify(|kept| kept.clone_from(waker))
            .or_insert_with(|| waker.clone());
        Poll::Pending
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        if let Some(number) = self.number
            && let Some(waiting) = &mut *self.question.waiting()
        {
            waiting.wakers.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_before_the_answer_is_forgotten() {
        let question = Arc::new(Question::new(Instant::now()));
        let waiting = || {
            let waiting = question.waiting();
            waiting.as_ref().map(|waiting| waiting.wakers.len())
        };
        let mut context = Context::from_waker(Waker::noop());
        let mut look = |one: &mut Answered| Pin::new(one).poll(&mut context);
        let mut stays = Arc::clone(&question).answered();
        let mut leaves = Arc::clone(&question).answered();
        for _ in 0..2 {
            assert!(look(&mut stays).is_pending());
            assert!(look(&mut leaves).is_pending());
            assert_eq!(waiting(), Some(2), "each of them once");
        }
        drop(leaves);
        assert_eq!(waiting(), Some(1));
        question.close();
        assert!(look(&mut stays).is_ready());
    }
}
