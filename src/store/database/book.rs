//! The money of accounts, in any database.

use std::collections::HashMap;

use ledger::Nanos;
use ledger::book::{Entry, Purse, user_account};

use super::{ATTEMPTS, Database};
use crate::audit::Deed;
use crate::book::{Book, EntryPage, EntrySearch, Posted};
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::sql::{Step, Value, audit, entries, purses};

/// Accounts that one question asks for.
const ASKED: usize = 1_024;

impl<D: Driver> Book for Database<D> {
    fn post(&self, entry: &Entry, deed: &Deed) -> Result<Posted, StoreError> {
        match entry.amount.0 {
            0 => return Err(StoreError::NoAmount),
            // What it moves the other way is no amount.
            i64::MIN => return Err(StoreError::TooMuch),
            _ => {}
        }
        let steps = self.moves(entry, deed)?;
        for _ in 0..ATTEMPTS {
            if self.commit(&steps)? == Committed::All {
                return Ok(Posted::New);
            }
            if let Some(posted) = self.why_not(entry)? {
                return Ok(posted);
            }
            if !self.has_room(entry)? {
                return Err(StoreError::TooMuch);
            }
        }
        Err(StoreError::Contended)
    }

    fn entry(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.first(|dialect| entries::whole(dialect, id), entries::decode)
    }

    fn entries(&self, search: &EntrySearch) -> Result<EntryPage, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&entries::page(driver.dialect(), search))?;
        entries::to_page(search, rows)
    }

    fn purses(&self, accounts: &[&str]) -> Result<Vec<(String, Purse)>, StoreError> {
        let driver = self.driver()?;
        let mut found = Vec::new();
        for asked in accounts.chunks(ASKED) {
            let names: Vec<_> = asked
                .iter()
                .map(|account| Value::account(account))
                .collect();
            let rows = driver.query(&purses::of(driver.dialect(), &names))?;
            let kept = rows.into_iter().map(purses::decode);
            let kept: HashMap<_, _> = kept.collect::<Result<_, _>>()?;
            // By the name that was asked for: the row has what fits its column.
            found.extend(asked.iter().zip(&names).filter_map(|(account, name)| {
                let Value::Text(name) = name else { return None };
                let purse = kept.get(&**name)?;
                Some((account.to_string(), purse.clone()))
            }));
        }
        Ok(found)
    }
}

impl<D: Driver> Database<D> {
    fn moves<'a>(&self, entry: &'a Entry, deed: &'a Deed) -> Result<Vec<Step<'a>>, StoreError> {
        let dialect = self.driver()?.dialect();
        let account = Value::owned_account(user_account(&entry.user));
        let mut steps = vec![entries::insert(dialect, entry)];
        steps.extend(purses::hold(dialect, [account.clone()]));
        steps.push(purses::credit(dialect, account, entry.amount));
        steps.push(audit::add(dialect, deed, None)?);
        Ok(steps)
    }

    /// Why an entry was not kept, when it is for what the book has.
    fn why_not(&self, entry: &Entry) -> Result<Option<Posted>, StoreError> {
        let driver = self.driver()?;
        let kept = driver.query(&entries::by_id(driver.dialect(), &entry.id))?;
        if let Some(kept) = kept.into_iter().next() {
            return Ok(Some(match kept == entries::meaning(entry) {
                true => Posted::Known,
                false => Posted::Other,
            }));
        }
        let user = driver.query(&entries::user(driver.dialect(), &entry.user))?;
        Ok(user.is_empty().then_some(Posted::NoUser))
    }

    fn has_room(&self, entry: &Entry) -> Result<bool, StoreError> {
        let account = user_account(&entry.user);
        let purses = self.purses(&[&account])?;
        let credited = purses
            .first()
            .map_or(Nanos::ZERO, |(_, purse)| purse.credited);
        Ok(credited.checked_add(entry.amount).is_some())
    }
}
