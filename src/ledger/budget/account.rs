//! One account of this process: what of its lease is free, and what is held.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::question::Question;
use super::{Answer, BELIEVED, IDLE, NoReserve};
use crate::lease::{Ceiling, Taken};
use crate::money::Nanos;

/// More is asked for when less than this part of what was taken last is free.
const LOW: i64 = 4;
/// After a lost answer, callers who are not covered are told for so long to come again.
const UNSURE: Duration = Duration::from_secs(10);

/// Arithmetic only: who has it locks it.
#[derive(Debug)]
pub(super) struct Account {
    /// Of the lease, held by nobody. Less than zero where requests cost more than they held and
    /// there was: the next lease pays that.
    free: Nanos,
    /// By open reserves of this epoch.
    held: Nanos,
    /// By open reserves of leases that were lost: what they cost is in no other number yet.
    orphaned: Nanos,
    /// Reserves of any epoch.
    open: usize,
    /// Counts the leases that were lost.
    epoch: u32,
    /// What was taken last; zero where there is no more to take.
    lot: Nanos,
    /// When something was held last.
    used: Instant,
    /// A question that waits for a thread, or for its answer.
    asking: Option<Arc<Question>>,
    /// What the first of those holds who wait for it, and what all of them do.
    first: Nanos,
    wanted: Nanos,
    /// It is on its way to the treasury.
    sent: bool,
    /// What was answered last, where it did not help, and for which ceiling.
    told: Option<(Instant, Ceiling, Answer)>,
    /// Sent or answered since the last look: what `renew` says may be older than that.
    stirred: bool,
    /// Nothing has changed since so many records were written.
    still: Option<u64>,
    /// What it may spend in all, as was said last.
    ceiling: Option<Ceiling>,
    /// That was lowered: what is leased may be more than is left of it.
    recalled: bool,
    /// Something is on its way back to the treasury, which counts it as leased.
    giving: bool,
    /// When an answer was lost last: the lease may have more than is known.
    unsure: Option<Instant>,
}

/// Whether an amount is held now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    Yes,
    /// Yes, and little is left.
    Barely,
    No,
}

impl Account {
    pub(super) fn new(now: Instant) -> Account {
        Account {
            free: Nanos::ZERO,
            held: Nanos::ZERO,
            orphaned: Nanos::ZERO,
            open: 0,
            epoch: 0,
            lot: Nanos::ZERO,
            used: now,
            asking: None,
            first: Nanos::ZERO,
            wanted: Nanos::ZERO,
            sent: false,
            told: None,
            stirred: false,
            still: None,
            ceiling: None,
            recalled: false,
            giving: false,
            unsure: None,
        }
    }

    pub(super) fn free(&self) -> Nanos {
        self.free
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// What it may spend in all from now on. What is leased stays: it is given back in the next round.
    pub(super) fn bound(&mut self, ceiling: Ceiling) {
        use Ceiling::Budget;
        if let (Some(Budget(before)), Budget(budget)) = (self.ceiling, ceiling) {
            self.recalled |= budget < before;
        }
        self.ceiling = Some(ceiling);
    }

    pub(super) fn hold(&mut self, amount: Nanos, now: Instant) -> Covered {
        // What costs nothing is not kept by debts.
        if amount > self.free.max(Nanos::ZERO) {
            return Covered::No;
        }
        self.free = self.free.saturating_sub(amount);
        self.held = self.held.saturating_add(amount);
        self.open += 1;
        self.used = now;
        self.still = None;
        let low = self.free < Nanos(self.lot.0 / LOW);
        match low && self.asking.is_none() && self.told(now).is_none() {
            true => Covered::Barely,
            false => Covered::Yes,
        }
    }

    /// What did not help a moment ago.
    fn told(&self, now: Instant) -> Option<(Ceiling, Answer)> {
        let (at, of, answer) = self.told?;
        (now.saturating_duration_since(at) <= BELIEVED).then_some((of, answer))
    }

    /// A reserve of `held` ends.
    pub(super) fn end(&mut self, epoch: u32, held: Nanos, cost: Nanos) {
        if epoch == self.epoch {
            self.held = self.held.saturating_sub(held);
            self.free = self.free.saturating_add(held);
        } else {
            self.orphaned = self.orphaned.saturating_sub(held);
        }
        self.free = self.free.saturating_sub(cost);
        self.open = self.open.saturating_sub(1);
        self.still = None;
    }

    /// What was said a moment ago, where that decides about `amount`.
    pub(super) fn refusal(
        &self,
        ceiling: Ceiling,
        amount: Nanos,
        now: Instant,
    ) -> Option<NoReserve> {
        let (_, answer) = self.told(now).filter(|(of, _)| *of == ceiling)?;
        let Answer::Taken(Taken::Short { free, elsewhere }) = answer else {
            return Some(NoReserve::Away);
        };
        let left = self.free.saturating_add(free);
        if amount <= left {
            return None;
        }
        Some(match amount <= left.saturating_add(elsewhere) {
            true => NoReserve::Elsewhere,
            false if self.is_unsure(now) => NoReserve::Unknown,
            false => NoReserve::Short {
                left: left.max(Nanos::ZERO),
            },
        })
    }

    /// The rest may be in this node's own lease, unheard of. Not for long: an account that is never still
    /// does not learn better.
    fn is_unsure(&self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        self.giving || self.unsure.is_some_and(|at| since(at) < UNSURE)
    }

    /// The treasury takes longer with a question than anybody waits.
    pub(super) fn is_unanswered(&self, now: Instant) -> bool {
        let open = self.asking.as_ref();
        open.is_some_and(|open| open.is_stale(now))
    }

    /// The question that is open, or a new one, for whoever lacks `amount`.
    pub(super) fn question(&mut self, amount: Nanos, now: Instant) -> (Arc<Question>, bool) {
        if let Some(open) = &self.asking {
            self.wanted = self.wanted.saturating_add(amount);
            return (Arc::clone(open), false);
        }
        let question = Arc::new(Question::new(now));
        self.asking = Some(Arc::clone(&question));
        (self.first, self.wanted) = (amount, amount);
        (question, true)
    }

    /// The question is asked now. What everybody needs who waits for it, so that those who come
    /// together are covered by one answer; where there was not enough a moment ago, what the first does.
    pub(super) fn send(&mut self, now: Instant) -> Nanos {
        self.sent = true;
        self.stirred = true;
        self.still = None;
        let wanted = match self.told(now) {
            Some(_) => self.first,
            None => self.wanted,
        };
        wanted.saturating_sub(self.free).max(Nanos(1))
    }

    pub(super) fn answered(&mut self, ceiling: Ceiling, answer: Answer, now: Instant) {
        let was_sent = std::mem::take(&mut self.sent);
        self.asking = None;
        self.stirred = true;
        self.still = None;
        if answer == Answer::Late {
            self.lose();
        }
        match answer {
            Answer::Taken(Taken::Lease(lot)) => {
                self.free = self.free.saturating_add(lot);
                self.lot = lot;
                self.told = None;
            }
            unhelpful => {
                match unhelpful {
                    Answer::Taken(_) => self.lot = Nanos::ZERO,
                    Answer::Away | Answer::Late if was_sent => self.unsure = Some(now),
                    Answer::Away | Answer::Late => {}
                }
                self.told = Some((now, ceiling, unhelpful));
            }
        }
    }

    /// Before the treasury is asked what is leased; so many records were written.
    pub(super) fn look(&mut self, written: u64) {
        self.stirred = self.sent;
        if !self.sent {
            self.still.get_or_insert(written);
        }
    }

    /// What the treasury says of the lease, when it was asked after the last look and had so many
    /// records by then.
    pub(super) fn learn(&mut self, lease: Option<Nanos>, stored: u64) {
        if self.stirred {
            return;
        }
        if lease.is_none() && (self.free > Nanos::ZERO || self.held > Nanos::ZERO) {
            self.lose();
        }
        if !self.is_still(stored) {
            return;
        }
        let lease = lease.unwrap_or_default();
        self.unsure = None;
        // What open requests hold is in the lease, unless their records are stored already: then there
        // is less in it than they leave free, and more later.
        let beside = self.held.saturating_add(self.orphaned);
        self.free = match self.open {
            0 => lease,
            _ => self.free.max(lease.saturating_sub(beside)),
        };
    }

    /// The lease may be others' by now. What open requests held of it went with it.
    fn lose(&mut self) {
        self.free = self.free.min(Nanos::ZERO);
        self.orphaned = self.orphaned.saturating_add(self.held);
        self.held = Nanos::ZERO;
        self.epoch += 1;
        self.lot = Nanos::ZERO;
    }

    /// Nothing is under way: what the store has of the lease is what is known here and what is not.
    fn is_still(&self, stored: u64) -> bool {
        self.still.is_some_and(|written| written <= stored)
    }

    /// Takes out what nobody has needed for a while, or what was recalled, to be given back.
    pub(super) fn spare(&mut self, now: Instant) -> Option<Nanos> {
        let recalled = std::mem::take(&mut self.recalled);
        if !(recalled || self.is_idle(now)) || self.free <= Nanos::ZERO {
            return None;
        }
        self.lot = Nanos::ZERO;
        self.still = None;
        self.giving = true;
        Some(std::mem::take(&mut self.free))
    }

    /// The treasury has what was spared, or it is not known whether it does.
    pub(super) fn given(&mut self) {
        self.giving = false;
        self.told = None;
    }

    /// There is nothing to remember.
    pub(super) fn is_over(&self, stored: u64, now: Instant) -> bool {
        let is_empty = self.free == Nanos::ZERO && self.open == 0;
        self.is_idle(now) && is_empty && !self.stirred && self.is_still(stored)
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.asking.is_none() && now.saturating_duration_since(self.used) >= IDLE
    }

    #[cfg(test)]
    pub(super) fn sums(&self) -> (Nanos, Nanos, usize) {
        (self.free, self.held, self.open)
    }
}
