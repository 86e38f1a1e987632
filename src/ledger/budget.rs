//! Budgets: what each account has spent and holds, so that no request begins that could go over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::money::Nanos;

/// A sum that was read longer ago is no longer one that others are seen by: the store is away.
pub const FRESH: Duration = Duration::from_secs(3);

/// The accounts of callers with a budget, in this process.
///
/// What an account has spent is what the store has of it, as it was read last, or what this process
/// has settled beyond what it read first, whichever is more: exact while nobody else spends, and
/// within one reading of the truth when other nodes do. It never goes down.
#[derive(Debug, Default)]
pub struct Budgets {
    /// By the token's id. An account is there once its sum was read.
    accounts: Mutex<HashMap<Arc<str>, Account>>,
}

/// What an account may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// In all.
    pub budget: Nanos,
    /// Held at most in this process while the store is away and nobody sees what others spend.
    pub lease: Nanos,
}

#[derive(Debug)]
struct Account {
    spent: Nanos,
    /// Of all open reserves.
    held: Nanos,
    /// When the sum was asked for that is known.
    read: Instant,
    /// Held since then, whether it is still open or not.
    since: Nanos,
}

/// Why nothing is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReserve {
    /// The store has not said yet what the account has spent.
    #[error("what was spent is not known yet")]
    Unknown,
    /// The store is away, and what may be spent without it is.
    #[error("the store is away")]
    Away,
    /// The budget does not cover it.
    #[error("{left} USD are left")]
    Short {
        /// What neither was spent nor is held; zero at least.
        left: Nanos,
    },
}

impl Budgets {
    /// Takes over what the store said when it was asked at `read`. A sum that is less than what is
    /// known already changes none.
    pub fn learn(&self, account: &str, spent: Nanos, read: Instant) {
        let mut accounts = self.accounts();
        match accounts.get_mut(account) {
            Some(known) => {
                known.spent = known.spent.max(spent);
                known.read = read;
                known.since = Nanos::ZERO;
            }
            None => {
                let [held, since] = [Nanos::ZERO; 2];
                let known = Account {
                    spent,
                    held,
                    read,
                    since,
                };
                accounts.insert(account.into(), known);
            }
        }
    }

    /// Holds `amount` of an account.
    ///
    /// # Errors
    /// When what is left does not cover it, or nobody knows what is.
    pub fn reserve(
        self: &Arc<Self>,
        account: &Arc<str>,
        purse: Purse,
        amount: Nanos,
        now: Instant,
    ) -> Result<Reserve, NoReserve> {
        let mut accounts = self.accounts();
        let known = accounts.get_mut(account).ok_or(NoReserve::Unknown)?;
        let left = known.left(purse.budget);
        if amount > left {
            return Err(NoReserve::Short {
                left: left.max(Nanos::ZERO),
            });
        }
        let since = known.since.saturating_add(amount);
        if since > purse.lease && now.saturating_duration_since(known.read) > FRESH {
            return Err(NoReserve::Away);
        }
        known.since = since;
        known.held = known.held.saturating_add(amount);
        drop(accounts);
        Ok(Reserve {
            budgets: Arc::clone(self),
            account: Arc::clone(account),
            amount,
            cost: Nanos::ZERO,
        })
    }

    /// What an account has spent, as far as is known; `None` before its sum was read.
    pub fn spent(&self, account: &str) -> Option<Nanos> {
        self.accounts().get(account).map(|known| known.spent)
    }

    fn end(&self, account: &str, held: Nanos, cost: Nanos) {
        if let Some(known) = self.accounts().get_mut(account) {
            known.held = known.held.saturating_sub(held);
            known.spent = known.spent.saturating_add(cost);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Arc<str>, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn left(&self, budget: Nanos) -> Nanos {
        budget.saturating_sub(self.spent).saturating_sub(self.held)
    }
}

/// Money held for a request. Dropped it is free again, however the request ends; a request that
/// nobody saw end is charged by its record, when the store has that.
#[must_use = "a reserve dropped at once holds nothing"]
#[derive(Debug)]
pub struct Reserve {
    budgets: Arc<Budgets>,
    account: Arc<str>,
    amount: Nanos,
    cost: Nanos,
}

impl Reserve {
    /// The request ended and cost this, in place of what was held.
    pub fn settle(mut self, cost: Nanos) {
        self.cost = cost.max(Nanos::ZERO);
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.budgets.end(&self.account, self.amount, self.cost);
    }
}

#[cfg(test)]
mod tests;
