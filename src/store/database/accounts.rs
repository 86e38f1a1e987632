//! Users, keys and documents.

use config::rows::{Document, KeyRow, Read, UserRow};
use jiff::Timestamp;

use super::Database;
use crate::accounts::{Accounts, Change, Changed, KeySearch, Revisions};
use crate::audit::Deed;
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::sql::revisions::Counter;
use crate::sql::rows::{Values, bounded};
use crate::sql::{Dialect, Statement, Step, audit, documents, keys, revisions, users};

impl<D: Driver> Accounts for Database<D> {
    fn revisions(&self) -> Result<Revisions, StoreError> {
        let found = self.first(revisions::all, revisions::decode)?;
        Ok(found.unwrap_or_default())
    }

    fn users_since(&self, revision: u64) -> Result<Vec<Read<UserRow>>, StoreError> {
        self.every(|dialect| users::since(dialect, revision), users::read_row)
    }

    fn keys_since(&self, revision: u64) -> Result<Vec<Read<KeyRow>>, StoreError> {
        self.every(|dialect| keys::since(dialect, revision), keys::read_row)
    }

    fn user(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        self.first(|dialect| users::by_name(dialect, name), users::decode)
    }

    fn users(&self, after: Option<&str>, limit: usize) -> Result<Vec<UserRow>, StoreError> {
        let page = |after: Option<&str>, limit| {
            self.every(
                |dialect| users::page(dialect, after, limit),
                users::read_row,
            )
        };
        readable(after, limit, page, |user| &user.name)
    }

    fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        self.first(|dialect| keys::by_id(dialect, id), keys::decode)
    }

    fn keys(&self, search: &KeySearch) -> Result<Vec<KeyRow>, StoreError> {
        let page = |after: Option<&str>, limit| {
            let search = KeySearch {
                user: search.user.clone(),
                after: after.map(str::to_owned),
                limit,
            };
            self.every(|dialect| keys::page(dialect, &search), keys::read_row)
        };
        readable(search.after.as_deref(), search.limit, page, |key| &key.id)
    }

    fn all_documents(&self) -> Result<Vec<Read<Document>>, StoreError> {
        self.every(documents::all, documents::read_row)
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

/// The first `limit` rows after `after` that can be read, by as many pages as that takes: a page that is
/// shorter is the last one.
fn readable<T>(
    after: Option<&str>,
    limit: usize,
    page: impl Fn(Option<&str>, usize) -> Result<Vec<Read<T>>, StoreError>,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>, StoreError> {
    let limit = bounded(limit);
    let mut after = after.map(str::to_owned);
    let mut found = Vec::new();
    loop {
        let wanted = limit - found.len();
        let rows = page(after.as_deref(), wanted)?;
        let is_last = rows.len() < wanted;
        after = rows.last().map(|row| match row {
            Ok(row) => name(row).to_owned(),
            Err(unreadable) => unreadable.name.clone(),
        });
        found.extend(rows.into_iter().flatten());
        if is_last || found.len() == limit {
            return Ok(found);
        }
    }
}

impl<D: Driver> Database<D> {
    /// Every row of the answer, or what is known of those that cannot be read: one of them must not
    /// hide the others.
    fn every<'a, T>(
        &self,
        question: impl FnOnce(Dialect) -> Statement<'a>,
        read: impl Fn(Values) -> Read<T>,
    ) -> Result<Vec<Read<T>>, StoreError> {
        self.all(question, |values| Ok(read(values)))
    }

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
