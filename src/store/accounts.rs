//! What can be asked of users and keys, and how they change.

use config::rows::{Document, KeyRow, Read, UserRow};
use jiff::Timestamp;

use crate::audit::Deed;
use crate::error::StoreError;

/// Rows on a page at most.
pub const MAX_ROWS: usize = 1_000;

/// How often rows were changed: who remembers the numbers knows whether there is something to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revisions {
    /// Users and keys.
    pub accounts: u64,
    /// Documents.
    pub configuration: u64,
}

/// A change of one row.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A user that is not there yet.
    AddUser(&'a UserRow),
    /// All of a user but its name; its `revision` is the one that is replaced. Deletes it with
    /// `deleted_at`.
    SetUser(&'a UserRow),
    /// A key that is not there yet, of a user who is, or of `root`.
    AddKey(&'a KeyRow),
    /// All of a key but its id and its owner; its `revision` is the one that is replaced. Deletes it
    /// with `deleted_at`.
    SetKey(&'a KeyRow),
    /// A document that is not there yet.
    AddDocument(&'a Document),
    /// The body of a document; its `revision` is the one that is replaced.
    SetDocument(&'a Document),
    /// Takes a document of this revision away.
    RemoveDocument(&'a Document),
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is kept, with this revision.
    Done {
        /// The row's new revision.
        revision: u64,
    },
    /// Nothing changed: the row is not what it was, its name (or, of a key, its hash) is taken, or the
    /// owner of a new key is not there.
    Stale,
}

/// Which keys, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySearch {
    /// Of this user.
    pub user: Option<String>,
    /// After the key with this id.
    pub after: Option<String>,
    /// From 1 to `MAX_ROWS`, anything else is taken as the nearer of them.
    pub limit: usize,
}

/// Users, keys and documents. Deleted ones are found by `since` only. Rows that cannot be read are told by
/// `since` and `all_documents`, are left out of lists, and fail who asks for them by name.
pub trait Accounts {
    /// How often they were changed.
    fn revisions(&self) -> Result<Revisions, StoreError>;

    /// Users that were changed after `revision`, deleted ones too, in the order of their revisions; at
    /// most `MAX_ROWS`.
    fn users_since(&self, revision: u64) -> Result<Vec<Read<UserRow>>, StoreError>;

    /// Keys that were changed after `revision`, deleted ones too, in the order of their revisions; at
    /// most `MAX_ROWS`.
    fn keys_since(&self, revision: u64) -> Result<Vec<Read<KeyRow>>, StoreError>;

    /// The user of that name.
    fn user(&self, name: &str) -> Result<Option<UserRow>, StoreError>;

    /// Users in the order of their names, after `after`.
    fn users(&self, after: Option<&str>, limit: usize) -> Result<Vec<UserRow>, StoreError>;

    /// The key with that id.
    fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError>;

    /// Keys.
    fn keys(&self, search: &KeySearch) -> Result<Vec<KeyRow>, StoreError>;

    /// All documents.
    fn all_documents(&self) -> Result<Vec<Read<Document>>, StoreError>;

    /// Those that can be read.
    fn documents(&self) -> Result<Vec<Document>, StoreError> {
        let documents = self.all_documents()?;
        Ok(documents.into_iter().flatten().collect())
    }

    /// Changes one row and writes down who did it, in one transaction. The row's own `revision` and
    /// `updated_at` are made here; `now` is the latter. The same change with the same
    /// deed again changes nothing: the answer is the one of then.
    ///
    /// Settings, bodies and what the deed has of them are kept whole, and refused beyond 1 MiB.
    fn change(
        &self,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError>;

    /// The same for a change that was tried out with all the documents there were when `revisions`
    /// counted `configuration`: stale, if one of them was changed since.
    fn change_beside(
        &self,
        configuration: u64,
        change: Change<'_>,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Changed, StoreError>;
}
