//! What nodes have taken of purses, in any database.

use ledger::Nanos;
use ledger::book::Purse;
use ledger::lease::{Ceiling, Taken, Want, portion};

use super::{ATTEMPTS, Database};
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::leases::Leases;
use crate::sql::leases::Free;
use crate::sql::{Step, Value, leases, purses};

impl<D: Driver> Leases for Database<D> {
    fn lease(&self, want: &Want<'_>) -> Result<Taken, StoreError> {
        for _ in 0..ATTEMPTS {
            let seen = self.beside(want)?;
            let (purse, own) = seen.clone().unwrap_or_default();
            let free = free(&purse, want.ceiling);
            let room = want.slice.saturating_sub(own);
            let Some(amount) = portion(free, want.need.max(Nanos(1)), room) else {
                return Ok(Taken::Short {
                    free: free.max(Nanos::ZERO),
                    elsewhere: purse.leased.saturating_sub(own).max(Nanos::ZERO),
                });
            };
            let steps = self.takes(want, amount, seen.is_none())?;
            if Self::commit_by(self.leasing()?, &steps)? == Committed::All {
                return Ok(Taken::Lease(amount));
            }
        }
        Err(StoreError::Contended)
    }

    fn renew(&self, node: &str) -> Result<Vec<(String, Nanos)>, StoreError> {
        let driver = self.leasing()?;
        Self::commit_by(driver, &[leases::renew(driver.dialect(), node)])?;
        let rows = driver.query(&leases::of(driver.dialect(), node))?;
        rows.into_iter().map(leases::decode).collect()
    }

    fn give_back(&self, node: &str, account: &str, amount: Nanos) -> Result<bool, StoreError> {
        if amount <= Nanos::ZERO {
            return Ok(amount == Nanos::ZERO);
        }
        let driver = self.leasing()?;
        let dialect = driver.dialect();
        let account = Value::account(account);
        let steps = [
            purses::unlease(dialect, account.clone(), amount),
            leases::take(dialect, node, account, amount),
        ];
        let given = Self::commit_by(driver, &steps)?;
        Ok(given == Committed::All)
    }

    fn expire(&self) -> Result<usize, StoreError> {
        self.free(Free::Expired)
    }
}

impl<D: Driver> Database<D> {
    /// The purse that something is wanted of, if it is there, and what the node has of it already.
    fn beside(&self, want: &Want<'_>) -> Result<Option<(Purse, Nanos)>, StoreError> {
        let driver = self.leasing()?;
        let account = Value::account(want.account);
        let rows = driver.query(&leases::beside(driver.dialect(), want.node, account))?;
        rows.into_iter().next().map(leases::to_beside).transpose()
    }

    fn takes<'a>(
        &self,
        want: &Want<'a>,
        amount: Nanos,
        is_new: bool,
    ) -> Result<Vec<Step<'a>>, StoreError> {
        let dialect = self.leasing()?.dialect();
        let account = Value::account(want.account);
        let mut steps = match is_new {
            true => purses::hold(dialect, [account.clone()]),
            false => Vec::new(),
        };
        steps.push(purses::lease(
            dialect,
            account.clone(),
            want.ceiling,
            amount,
        ));
        steps.push(leases::add(dialect, want.node, account, amount));
        Ok(steps)
    }

    /// Frees leases, some accounts at a time, until there are none or others are at it.
    pub(super) fn free(&self, which: Free<'_>) -> Result<usize, StoreError> {
        let driver = self.leasing()?;
        let dialect = driver.dialect();
        let (mut freed, mut failures) = (0, 0);
        while failures < ATTEMPTS {
            let found = driver.query(&leases::to_free(dialect, which))?;
            if found.is_empty() {
                return Ok(freed);
            }
            let found = found.into_iter().map(leases::to_freed);
            let (accounts, counts): (Vec<_>, Vec<_>) =
                found.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            let count: u64 = counts.iter().sum();
            let mut steps = purses::hold(dialect, accounts.clone());
            steps.push(leases::free(dialect, which, accounts.clone(), count));
            steps.push(purses::recount(dialect, accounts));
            match Self::commit_by(self.leasing()?, &steps)? {
                Committed::All => freed += usize::try_from(count).unwrap_or(usize::MAX),
                Committed::Nothing => failures += 1,
            }
        }
        Err(StoreError::Contended)
    }

    /// What `records` cost the accounts that the node has leases of. A lease is kept before the
    /// requests that it covers begin, so none is overlooked, whoever leases meanwhile.
    pub(super) fn leased_costs(
        &self,
        node: &str,
        costs: &purses::Costs<'static>,
    ) -> Result<purses::Costs<'static>, StoreError> {
        let mut leased = purses::Costs::new();
        if node.is_empty() || costs.is_empty() {
            return Ok(leased);
        }
        let driver = self.driver()?;
        let accounts = costs.keys().cloned().collect();
        let rows = driver.query(&leases::among(driver.dialect(), node, accounts))?;
        for account in rows.into_iter().flatten() {
            if let Some(cost) = costs.get(&account) {
                leased.insert(account, *cost);
            }
        }
        Ok(leased)
    }
}

/// What may still be leased of a purse; less than zero when it is overdrawn.
fn free(purse: &Purse, ceiling: Ceiling) -> Nanos {
    let ceiling = match ceiling {
        Ceiling::Credited => purse.credited,
        Ceiling::Budget(budget) => budget,
    };
    let free = i128::from(ceiling.0) - i128::from(purse.spent.0) - i128::from(purse.leased.0);
    let bounded = free.clamp(i64::MIN.into(), i64::MAX.into());
    Nanos(i64::try_from(bounded).unwrap_or_default())
}
