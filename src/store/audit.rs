//! Who changed what.

use jiff::Timestamp;

use crate::error::StoreError;
use crate::search::Cursor;

/// One change, as the audit log has it. Secrets are taken out before it gets here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Unique.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: `admin` for the configuration's admin key.
    pub actor: String,
    /// What was done: `user.create`, `key.rotate`, `entry.post`.
    pub action: String,
    /// To what: `user:alice`, `key:<id>`, `channel:openai`.
    pub subject: String,
    /// The JSON before.
    pub was: Option<String>,
    /// The JSON after.
    pub became: Option<String>,
}

/// Which deeds, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeedSearch {
    /// Done to this.
    pub subject: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// From 1 to `MAX_ROWS`, anything else is taken as the nearer of them.
    pub limit: usize,
}

/// One page of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeedPage {
    /// Newest first.
    pub items: Vec<Deed>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

/// The audit log. Deeds come in with the changes of rows they tell of, others by themselves.
pub trait Audit {
    /// Writes down what was done to something that is no row of the store.
    fn note(&self, deed: &Deed) -> Result<(), StoreError>;

    /// Deeds that match, newest first.
    fn deeds(&self, search: &DeedSearch) -> Result<DeedPage, StoreError>;

    /// Removes the oldest deeds, at most `limit` of them, that are older than `before`. Zero: there
    /// is nothing left to remove.
    fn prune_deeds(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
