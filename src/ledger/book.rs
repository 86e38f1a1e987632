//! The book: money that moves from one account to another by somebody's word, never changed
//! afterwards.
//!
//! Every entry has two sides, so the sum over all accounts is always zero. What a request costs is
//! an entry too, kept as the request's record: from its user's account to `revenue`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::Nanos;

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The user paid.
    TopUp,
    /// A gift of the operator's.
    Credit,
    /// Money for a request given back to the balance.
    Refund,
    /// Anything else, up or down.
    Adjustment,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::TopUp, Kind::Credit, Kind::Refund, Kind::Adjustment];

    /// The name in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::TopUp => "top_up",
            Kind::Credit => "credit",
            Kind::Refund => "refund",
            Kind::Adjustment => "adjustment",
        }
    }

    /// The account on the other side of a user's.
    pub const fn contra(self) -> &'static str {
        match self {
            Kind::TopUp => "cash",
            Kind::Credit => "credits",
            Kind::Refund => "revenue",
            Kind::Adjustment => "adjustments",
        }
    }
}

/// One movement of money between a user's account and another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unique: an entry that is put a second time changes nothing.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub kind: Kind,
    /// Whose balance changes.
    pub user: String,
    /// Into the balance; out of it when negative. Never zero.
    pub amount: Nanos,
    /// Who says so.
    pub author: String,
    /// In words.
    pub note: String,
}

impl Entry {
    /// Debit account, credit account, and the amount that moves from the one to the other, more than
    /// zero.
    pub fn sides(&self) -> (String, String, Nanos) {
        let (user, contra) = (user_account(&self.user), self.kind.contra().to_string());
        match self.amount.0 >= 0 {
            true => (contra, user, self.amount),
            false => (user, contra, Nanos(self.amount.0.saturating_neg())),
        }
    }
}

/// The account of a user's balance.
pub fn user_account(name: &str) -> String {
    account("user", name)
}

/// The account of what a key has spent.
pub fn key_account(id: &str) -> String {
    account("key", id)
}

/// With as much of a name as every database keeps: accounts are told apart by what comes back.
fn account(kind: &str, name: &str) -> String {
    /// In characters.
    const LONGEST: usize = 255;
    let end = name.char_indices().nth(LONGEST);
    let kept = end.map_or(name, |(end, _)| &name[..end]);
    let kept = kept.trim_end_matches(' ').replace('\0', "\u{fffd}");
    format!("{kind}:{kept}")
}

/// What of an account may be spent, and was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// The sum of its entries.
    pub credited: Nanos,
    /// What requests have cost it in all.
    pub spent: Nanos,
    /// Of it, what nodes have taken and neither spent nor given back.
    pub leased: Nanos,
}

impl Purse {
    /// What is left of a purse that may spend `limit` in all. Less than zero when requests cost more
    /// than they held.
    pub fn left(&self, limit: Nanos) -> Nanos {
        limit.saturating_sub(self.spent)
    }
}
