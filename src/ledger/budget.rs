//! Budgets: what each account may spend here and holds, so that no request begins that could go over.
//!
//! A node takes slices of the purses that all nodes share (`lease`) and spends them in memory: no
//! store is asked for a warm request. An account's **free** part is what is left of its lease beside
//! what open requests **hold**; so the lease that the store has of this node is always the free part,
//! the held part, and what records on their way to the store will take off it. Whatever is not in
//! that sum (an answer that was lost, a request dearer than what was left) is found when an account
//! was still for a moment: then the lease in the store is the free part, to the last nano-dollar.

mod account;
mod question;
mod tellers;
mod upkeep;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::account::{Account, Covered};
use self::question::Question;
use self::tellers::{Ask, Desk};
use crate::lease::{Ceiling, Taken};
use crate::money::Nanos;
use crate::writer::Writer;

pub use upkeep::{IDLE, SURE, TERM};

/// For how long an answer that did not help is believed: callers who come again and again ask the
/// store a few times a second, not each time.
const BELIEVED: Duration = Duration::from_millis(100);

/// Where leases come from: the store, as one node sees it. Called from plain threads: it may block,
/// for a bounded time.
pub trait Treasury: Send + Sync + 'static {
    /// Takes more of an account, adding to this node's lease of it: `need` at least, beyond that no
    /// more than that it has `slice` in all.
    fn lease(
        &self,
        account: &str,
        ceiling: Ceiling,
        need: Nanos,
        slice: Nanos,
    ) -> Result<Taken, NoAnswer>;

    /// Says that this node is there, and returns all its leases.
    fn renew(&self) -> Result<Vec<(String, Nanos)>, NoAnswer>;

    /// Gives back a part of a lease; `false`: the lease has less than that, and is what it was.
    fn give_back(&self, account: &str, amount: Nanos) -> Result<bool, NoAnswer>;

    /// Frees the leases of nodes that were not heard of.
    fn expire(&self) -> Result<(), NoAnswer>;
}

/// What is known of the records that have to reach the store.
pub trait Records: Send + Sync + 'static {
    /// Whether those of earlier processes have.
    fn are_rescued(&self) -> bool;

    /// How many of this process's were written, ever. A reserve is settled after its record was.
    fn written(&self) -> u64;

    /// How many of them the store has, in the order in which they were written.
    fn stored(&self) -> u64;
}

impl Records for Writer {
    fn are_rescued(&self) -> bool {
        self.is_rescued()
    }

    fn written(&self) -> u64 {
        self.written()
    }

    fn stored(&self) -> u64 {
        self.counts().stored
    }
}

/// The treasury did not answer; what was asked may have been done all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(#[source] Box<dyn Error + Send + Sync>);

impl NoAnswer {
    /// Wraps the cause, an error or a text.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> NoAnswer {
        NoAnswer(cause.into())
    }
}

/// A panic in the treasury is a failure like any other: whoever waits for its answer gets one.
fn unharmed<T>(work: impl FnOnce() -> Result<T, NoAnswer>) -> Result<T, NoAnswer> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(NoAnswer::new("the treasury panicked")))
}

/// What an account may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// In all.
    pub ceiling: Ceiling,
    /// What a node has leased of it at most, unless open requests hold more.
    pub slice: Nanos,
}

/// Why nothing is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReserve {
    /// What earlier processes owed is not in the store yet, or an answer was lost, with which this node
    /// may have leased what is missing.
    #[error("what is left is not known yet")]
    Unknown,
    /// The store is away, and what was leased of it does not cover it.
    #[error("the store is away")]
    Away,
    /// It would be covered together with what other nodes have leased.
    #[error("the rest is leased by other nodes")]
    Elsewhere,
    /// The purse does not cover it.
    #[error("{left} USD are left")]
    Short {
        /// What neither was spent nor is held or leased elsewhere; zero at least.
        left: Nanos,
    },
}

/// The accounts that this process has leased something of.
pub struct Budgets {
    treasury: Arc<dyn Treasury>,
    records: Arc<dyn Records>,
    /// By name. One that was idle and has nothing left is forgotten.
    accounts: Mutex<HashMap<Arc<str>, Account>>,
    desk: Arc<Desk>,
    /// When the treasury was asked that last renewed the leases.
    renewed: Mutex<Instant>,
    turn: Mutex<()>,
    /// How long leases certainly go on after they were renewed.
    term: Duration,
}

/// What a step towards a reserve came to.
enum Step {
    Held(Reserve),
    No(NoReserve),
    /// Somebody asks the treasury: look again when it has answered.
    Asked(Arc<Question>),
}

/// What the treasury said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Taken(Taken),
    Away,
    /// Whatever it was: when it came, the lease that was there before may have expired.
    Late,
}

impl Budgets {
    /// The accounts, none yet, and the threads that ask the treasury, for as long as somebody has
    /// them.
    ///
    /// # Errors
    /// When there can be no threads.
    pub fn start(
        treasury: Arc<dyn Treasury>,
        records: Arc<dyn Records>,
    ) -> io::Result<Arc<Budgets>> {
        let budgets = Arc::new(Budgets::new(treasury, records));
        tellers::start(&budgets)?;
        upkeep::start(&budgets)?;
        Ok(budgets)
    }

    fn new(treasury: Arc<dyn Treasury>, records: Arc<dyn Records>) -> Budgets {
        Budgets {
            treasury,
            records,
            accounts: Mutex::default(),
            desk: Arc::default(),
            renewed: Mutex::new(Instant::now()),
            turn: Mutex::default(),
            term: TERM,
        }
    }

    /// Holds `amount` of an account. Ready at once where what is leased covers it; else it waits for
    /// the treasury, as long as that takes: bound it.
    ///
    /// # Errors
    /// When the purse does not cover it, or nobody knows whether it does.
    pub async fn reserve(
        self: &Arc<Self>,
        account: &Arc<str>,
        purse: Purse,
        amount: Nanos,
    ) -> Result<Reserve, NoReserve> {
        loop {
            match self.step(account, purse, amount, Instant::now()) {
                Step::Held(reserve) => return Ok(reserve),
                Step::No(none) => return Err(none),
                Step::Asked(question) => question.answered().await,
            }
        }
    }

    fn step(self: &Arc<Self>, name: &Arc<str>, purse: Purse, amount: Nanos, now: Instant) -> Step {
        if !self.records.are_rescued() {
            return Step::No(NoReserve::Unknown);
        }
        let mut accounts = self.accounts();
        let account = match accounts.get_mut(name) {
            Some(account) => account,
            None => accounts
                .entry(Arc::clone(name))
                .or_insert_with(|| Account::new(now)),
        };
        account.bound(purse.ceiling);
        match account.hold(amount, now) {
            Covered::No => {}
            covered => {
                let epoch = account.epoch();
                if covered == Covered::Barely {
                    // Before it is needed, so that nobody waits for it: one more like this.
                    let more = amount.saturating_add(account.free());
                    self.ask(name, account, purse, more, now);
                }
                drop(accounts);
                return Step::Held(Reserve {
                    budgets: Arc::clone(self),
                    account: Arc::clone(name),
                    epoch,
                    amount,
                    cost: Nanos::ZERO,
                });
            }
        }
        if let Some(none) = account.refusal(purse.ceiling, amount, now) {
            return Step::No(none);
        }
        if account.is_unanswered(now) {
            return Step::No(NoReserve::Away);
        }
        Step::Asked(self.ask(name, account, purse, amount, now))
    }

    /// Asks for more, unless somebody does.
    fn ask(
        &self,
        name: &Arc<str>,
        account: &mut Account,
        purse: Purse,
        amount: Nanos,
        now: Instant,
    ) -> Arc<Question> {
        let (question, new) = account.question(amount, now);
        if new {
            self.desk.put(Ask {
                account: Arc::clone(name),
                purse,
                question: Arc::clone(&question),
            });
        }
        question
    }

    fn answer(&self, ask: &Ask, answer: Answer, now: Instant) {
        if let Some(account) = self.accounts().get_mut(&ask.account) {
            account.answered(ask.purse.ceiling, answer, now);
        }
        ask.question.close();
    }

    fn end(&self, reserve: &Reserve) {
        if let Some(account) = self.accounts().get_mut(&reserve.account) {
            account.end(reserve.epoch, reserve.amount, reserve.cost);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Arc<str>, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Budgets {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = &*self.accounts();
        f.debug_struct("Budgets")
            .field("accounts", accounts)
            .finish_non_exhaustive()
    }
}

/// Money held for a request. Dropped it is free again, however the request ends; a request that
/// nobody saw end is charged by its record, when the store has that.
#[must_use = "a reserve dropped at once holds nothing"]
#[derive(Debug)]
pub struct Reserve {
    budgets: Arc<Budgets>,
    account: Arc<str>,
    /// Of which lease it was taken: one that was lost in the meantime gets nothing back.
    epoch: u32,
    amount: Nanos,
    cost: Nanos,
}

impl Reserve {
    /// The request ended and cost this, in place of what was held. Its record must be written: what
    /// is open may not be in the store yet, what is settled will be.
    pub fn settle(mut self, cost: Nanos) {
        self.cost = cost.max(Nanos::ZERO);
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.budgets.end(self);
    }
}

#[cfg(test)]
mod tests;
