//! Keeps leases up: renews them, gives back what is idle, and frees what dead nodes had.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::{Budgets, NoAnswer, unharmed};
use crate::money::Nanos;

/// How often leases are renewed.
const ROUND: Duration = Duration::from_secs(1);
/// How often what dead nodes had is looked for.
const EXPIRE: Duration = Duration::from_secs(5);
/// An account that nothing was held of for so long gives back what is free.
pub const IDLE: Duration = Duration::from_secs(3);
/// For so long after leases were renewed, nobody looks whether they are there before adding to one:
/// the other half of their term is for the store to answer.
pub const SURE: Duration = Duration::from_secs(15);
/// For so long after leases were renewed all of them are certainly there: at most the term that the
/// store gives them, counted here from before it was asked.
pub const TERM: Duration = Duration::from_secs(30);

/// What the thread remembers.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    expired: Option<Instant>,
    /// Failed last time, and told so.
    away: bool,
}

pub(super) fn start(budgets: &Arc<Budgets>) -> io::Result<()> {
    let kept = Arc::downgrade(budgets);
    let run = move || {
        let mut upkeep = Upkeep::default();
        while let Some(budgets) = kept.upgrade() {
            upkeep.round(&budgets, Instant::now());
            drop(budgets);
            thread::sleep(ROUND);
        }
    };
    thread::Builder::new().name("leases".into()).spawn(run)?;
    Ok(())
}

impl Upkeep {
    pub(super) fn round(&mut self, budgets: &Budgets, now: Instant) {
        let done = unharmed(|| {
            budgets.keep_up(now)?;
            self.expire(budgets, now)
        });
        match &done {
            Err(error) if !self.away => {
                tracing::warn!(%error, "leases of budgets cannot be renewed, trying again");
            }
            Ok(()) if self.away => tracing::info!("leases of budgets are renewed again"),
            _ => {}
        }
        self.away = done.is_err();
    }

    /// Whoever has budgets to spend looks after those who died with some.
    fn expire(&mut self, budgets: &Budgets, now: Instant) -> Result<(), NoAnswer> {
        let due = |last: Instant| now.saturating_duration_since(last) >= EXPIRE;
        if budgets.accounts().is_empty() || !self.expired.is_none_or(due) {
            return Ok(());
        }
        budgets.treasury.expire()?;
        self.expired = Some(now);
        Ok(())
    }
}

impl Budgets {
    /// When leases were renewed last: before the treasury was asked to.
    pub(super) fn renewed(&self) -> MutexGuard<'_, Instant> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_up(&self, now: Instant) -> Result<(), NoAnswer> {
        let _turn = self.turn();
        if self.accounts().is_empty() {
            *self.renewed() = now;
            return Ok(());
        }
        self.renew(now)?;
        self.give_back(now)
    }

    /// A lease that may have expired is looked at before it is added to: afterwards nobody could
    /// tell what of it is still there.
    pub(super) fn make_sure(&self, now: Instant) -> Result<(), NoAnswer> {
        if self.is_sure(now) {
            return Ok(());
        }
        let _turn = self.turn();
        match self.is_sure(now) {
            true => Ok(()),
            false => self.renew(now),
        }
    }

    fn is_sure(&self, now: Instant) -> bool {
        now.saturating_duration_since(*self.renewed()) < SURE
    }

    /// No two talk with the treasury about leases that are there already.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the leases, and takes up what they are.
    fn renew(&self, now: Instant) -> Result<(), NoAnswer> {
        {
            let mut accounts = self.accounts();
            // Under the lock: whatever was settled by now was written by now.
            let written = self.records.written();
            for account in accounts.values_mut() {
                account.look(written);
            }
        }
        let stored = self.records.stored();
        let asked = Instant::now();
        let leases = self.treasury.renew()?;
        if asked.elapsed() >= self.term {
            return Err(NoAnswer::new(
                "leases were renewed so slowly that they may be over",
            ));
        }
        self.learn(leases, stored, now);
        // Only now: who is sure adds to what is left of them.
        *self.renewed() = now;
        Ok(())
    }

    fn learn(&self, leases: Vec<(String, Nanos)>, stored: u64, now: Instant) {
        let mut leases: HashMap<String, Nanos> = leases.into_iter().collect();
        let mut accounts = self.accounts();
        accounts.retain(|name, account| {
            let lease = leases.remove(&**name);
            account.learn(lease, stored);
            !account.is_over(stored, now)
        });
        // Forgotten, or never known: the answer was lost. Once it is certain that no record takes
        // from it any more, it is given back.
        let idle = now.checked_sub(IDLE).unwrap_or(now);
        for (name, lease) in leases {
            if lease > Nanos::ZERO {
                accounts.insert(name.into(), Account::new(idle));
            }
        }
    }

    /// Only while the treasury answers: what it does not hear of stays here to be spent. What takes
    /// longer than a round waits for the next one: until then leases are not renewed, and thousands
    /// of accounts may become idle at once.
    fn give_back(&self, now: Instant) -> Result<(), NoAnswer> {
        let end = Instant::now() + ROUND;
        let names: Vec<_> = self.accounts().keys().map(Arc::clone).collect();
        for name in names {
            if Instant::now() >= end {
                break;
            }
            let spare = |account: &mut Account| account.spare(now);
            let Some(amount) = self.accounts().get_mut(&name).and_then(spare) else {
                continue;
            };
            // Not put back when it fails: it may have been done. An account that stays still learns
            // what its lease is.
            let given = unharmed(|| self.treasury.give_back(&name, amount));
            if let Some(account) = self.accounts().get_mut(&name) {
                account.given();
            }
            if !given? {
                tracing::debug!(account = &*name, %amount, "less was leased than is given back");
            }
        }
        Ok(())
    }
}
