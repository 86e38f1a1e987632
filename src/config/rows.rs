//! What the store keeps beside the files: users, keys, and documents of the configuration. Settings
//! are JSON in the words of the configuration, so that one reader understands both.

use std::fmt;

use jiff::Timestamp;

use crate::place;
use crate::problem::Problem;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// Unique for ever: a deleted user's name is never given away again.
    pub name: String,
    /// JSON: `role`, `group`, `enabled`, `unlimited`, `limits`, `note`.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The count of changes to accounts when it was changed last.
    pub revision: u64,
}

/// A gateway key of the store. The key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Unique for ever.
    pub id: String,
    /// Its owner's name.
    pub user: String,
    /// Unique among its owner's keys that are not deleted.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// The key it replaced, which goes on for a while.
    pub previous: Option<PreviousKey>,
    /// What people tell it by: its first and last characters.
    pub hint: String,
    /// JSON: what an item of `tokens` says, but for `name` and `key`.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The count of changes to accounts when it was changed last.
    pub revision: u64,
}

/// A key that was rotated away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousKey {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// From then on it is refused.
    pub until: Timestamp,
}

/// A row of the store, or what is known of one that cannot be read.
pub type Read<T> = Result<T, Unreadable>;

/// A row that is not as this program writes them. Until it is put right nobody may do anything by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What it is: `user`, `key`, or the kind of a document as the row says it.
    pub kind: String,
    /// The name of a user or a document, the id of a key.
    pub name: String,
    /// What is wrong. Values of the row are not repeated.
    pub why: String,
    /// As of any row.
    pub revision: u64,
}

impl Unreadable {
    /// What is told of it.
    pub fn problem(&self) -> Problem {
        let path = place::key(&format!("{}s", self.kind), &self.name);
        Problem::error(path, format!("a row that cannot be read: {}", self.why))
            .hint("put the row right, or remove it")
    }
}

/// What a document is an item of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// An item of `channels`.
    Channel,
    /// An entry of `groups`.
    Group,
    /// An entry of `models`.
    Model,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [DocumentKind; 3] = [
        DocumentKind::Channel,
        DocumentKind::Group,
        DocumentKind::Model,
    ];

    /// Its name in the store and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Channel => "channel",
            DocumentKind::Group => "group",
            DocumentKind::Model => "model",
        }
    }
}

/// A channel, group or model of the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Unique among its kind, those of the files included.
    pub name: String,
    /// JSON: what the configuration says below the name. Provider keys in it are sealed.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The count of changes to documents when it was changed last.
    pub revision: u64,
}

/// Not the body: what is set in headers may be a credential.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}
