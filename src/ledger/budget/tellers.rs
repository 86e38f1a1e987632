//! The threads that ask the treasury for more.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use super::question::Question;
use super::{Answer, Budgets, NoAnswer, Purse, unharmed};
use crate::lease::Taken;
use crate::money::Nanos;

/// Questions at a time: a store has a few connections for everybody.
const TELLERS: usize = 2;

/// A question, as it waits for a thread.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) account: Arc<str>,
    pub(super) purse: Purse,
    pub(super) question: Arc<Question>,
}

/// Questions in their order, one for an account at most.
#[derive(Debug, Default)]
pub(super) struct Desk {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    asks: VecDeque<Ask>,
    closed: bool,
}

impl Desk {
    pub(super) fn put(&self, ask: Ask) {
        self.queue().asks.push_back(ask);
        self.bell.notify_one();
    }

    /// The next question; `None` when it is closed.
    fn next(&self) -> Option<Ask> {
        let empty = |queue: &mut Queue| queue.asks.is_empty() && !queue.closed;
        let waited = self.bell.wait_while(self.queue(), empty);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        queue.asks.pop_front()
    }

    #[cfg(test)]
    pub(super) fn pop(&self) -> Option<Ask> {
        self.queue().asks.pop_front()
    }

    pub(super) fn close(&self) {
        self.queue().closed = true;
        self.bell.notify_all();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn start(budgets: &Arc<Budgets>) -> io::Result<()> {
    for _ in 0..TELLERS {
        let (desk, budgets) = (Arc::clone(&budgets.desk), Arc::downgrade(budgets));
        thread::Builder::new()
            .name("teller".into())
            .spawn(move || run(&desk, &budgets))?;
    }
    Ok(())
}

fn run(desk: &Desk, budgets: &Weak<Budgets>) {
    while let Some(ask) = desk.next() {
        match budgets.upgrade() {
            Some(budgets) => budgets.serve(&ask, Instant::now()),
            None => ask.question.close(),
        }
    }
}

impl Budgets {
    pub(super) fn serve(&self, ask: &Ask, now: Instant) {
        let answer = match ask.question.is_stale(now) {
            true => Ok(Answer::Away),
            false => unharmed(|| self.taken(ask, now)),
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::debug!(%error, account = &*ask.account, "nothing could be leased");
            Answer::Away
        });
        self.answer(ask, answer, Instant::now().max(now));
    }

    fn taken(&self, ask: &Ask, now: Instant) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        self.make_sure(now)?;
        let renewed = *self.renewed();
        let sent = self
            .accounts()
            .get_mut(&ask.account)
            .map(|account| account.send(now));
        let need = sent.unwrap_or(Nanos(1));
        let Purse { ceiling, slice } = ask.purse;
        let taken = unharmed(|| (self.treasury).lease(&ask.account, ceiling, need, slice));
        // Also when it failed: it may have been done all the same. Later renewals do not help, they
        // find the lease that was begun anew.
        let age = (now + begun.elapsed()).saturating_duration_since(renewed);
        if age >= self.term {
            return Ok(Answer::Late);
        }
        let taken = taken?;
        // What is less than needed would be asked for again and again.
        debug_assert!(!matches!(taken, Taken::Lease(lot) if lot < need));
        Ok(Answer::Taken(taken))
    }
}
