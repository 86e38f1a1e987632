//! Users, keys and documents.

use config::rows::{Document, KeyRow, UserRow};
use jiff::Timestamp;

use super::Database;
use crate::accounts::{Accounts, Change, Changed, KeySearch, Revisions};
use crate::audit::Deed;
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::sql::revisions::Counter;
use crate::sql::{Dialect, Step, audit, documents, keys, revisions, users};

impl<D: Driver> Accounts for Database<D> {
    fn revisions(&self) -> Result<Revisions, StoreError> {
        let found = self.first(revisions::all, revisions::decode)?;
        Ok(found.unwrap_or_default())
    }

    fn users_since(&self, revision: u64) -> Result<Vec<UserRow>, StoreError> {
        self.all(|dialect| users::since(dialect, revision), users::decode)
    }

    fn keys_since(&self, revision: u64) -> Result<Vec<KeyRow>, StoreError> {
        self.all(|dialect| keys::since(dialect, revision), keys::decode)
    }

    fn user(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        self.first(|dialect| users::by_name(dialect, name), users::decode)
    }

    fn users(&self, after: Option<&str>, limit: usize) -> Result<Vec<UserRow>, StoreError> {
        self.all(|dialect| users::page(dialect, after, limit), users::decode)
    }

    fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        self.first(|dialect| keys::by_id(dialect, id), keys::decode)
    }

    fn keys(&self, search: &KeySearch) -> Result<Vec<KeyRow>, StoreError> {
        self.all(|dialect| keys::page(dialect, search), keys::decode)
    }

    fn documents(&self) -> Result<Vec<Document>, StoreError> {
        self.all(documents::all, documents::decode)
    }

    fn change(
        &self,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let counted = revisions::count(self.driver()?.dialect(), counter(change));
        self.make(counted, change, deed, now)
    }

    fn change_beside(
        &self,
        configuration: u64,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let counter = Counter::Configuration;
        let counted = revisions::count_from(self.driver()?.dialect(), counter, configuration);
        self.make(counted, change, deed, now)
    }
}

impl<D: Driver> Database<D> {
    /// Makes a change that `counted` counts.
    fn make(
        &self,
        counted: Step<'_>,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let steps = steps(self.driver()?.dialect(), counted, change, deed, now)?;
        let committed = self.commit(&steps)?;
        // Not out of the row, which others may have changed since. And a change that comes a second
        // time, because nobody knew how the first one ended, is told how that was.
        let made = self.first(|dialect| audit::revision(dialect, deed), audit::to_revision)?;
        match (committed, made) {
            (_, Some(revision)) => Ok(Changed::Done { revision }),
            (Committed::Nothing, None) => Ok(Changed::Stale),
            (Committed::All, None) => Err(StoreError::Row {
                table: "audit",
                column: "revision",
            }),
        }
    }
}

/// Counts the change first, which makes changes wait for each other; then the row; then the deed.
fn steps<'a>(
    dialect: Dialect,
    counted: Step<'a>,
    change: Change<'a>,
    deed: &'a Deed,
    now: Timestamp,
) -> Result<Vec<Step<'a>>, StoreError> {
    let mut steps = vec![counted];
    match change {
        Change::AddUser(user) => steps.push(users::add(dialect, user, now)?),
        Change::SetUser(user) => steps.push(users::set(dialect, user, now)?),
        Change::AddKey(key) => steps.push(keys::add(dialect, key, now)?),
        Change::SetKey(key) => steps.extend(keys::set(dialect, key, now)?),
        Change::AddDocument(document) => steps.push(documents::add(dialect, document, now)?),
        Change::SetDocument(document) => steps.push(documents::set(dialect, document, now)?),
        Change::RemoveDocument(document) => steps.push(documents::remove(dialect, document)),
    }
    steps.push(audit::add(dialect, deed, Some(counter(change)))?);
    Ok(steps)
}

fn counter(change: Change<'_>) -> Counter {
    match change {
        Change::AddUser(_) | Change::SetUser(_) | Change::AddKey(_) | Change::SetKey(_) => {
            Counter::Accounts
        }
        Change::AddDocument(_) | Change::SetDocument(_) | Change::RemoveDocument(_) => {
            Counter::Configuration
        }
    }
}
