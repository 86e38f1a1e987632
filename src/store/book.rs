//! Entries and purses: the money of accounts.

use ledger::book::{Entry, Purse};

use crate::audit::Deed;
use crate::error::StoreError;
use crate::search::Cursor;

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is kept.
    New,
    /// One with its id is there already and says the same: nothing changed.
    Known,
    /// One with its id is there already and says something else: nothing changed.
    Other,
    /// There is no such user.
    NoUser,
}

/// Which entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntrySearch {
    /// Of this user.
    pub user: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// From 1 to `MAX_ROWS`, anything else is taken as the nearer of them.
    pub limit: usize,
}

/// One page of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPage {
    /// Newest first.
    pub items: Vec<Entry>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

/// The book of money.
pub trait Book {
    /// Moves money, once, and writes down who did it, in one transaction.
    fn post(&self, entry: &Entry, deed: &Deed) -> Result<Posted, StoreError>;

    /// The entry with that id.
    fn entry(&self, id: &str) -> Result<Option<Entry>, StoreError>;

    /// Entries that match, newest first.
    fn entries(&self, search: &EntrySearch) -> Result<EntryPage, StoreError>;

    /// The purses of these accounts (`ledger::book::{user_account, key_account}`); those that were
    /// never credited and have spent nothing may be left out.
    fn purses(&self, accounts: &[&str]) -> Result<Vec<(String, Purse)>, StoreError>;
}
