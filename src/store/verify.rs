//! What a check of the sums finds.

use std::fmt;

use jiff::Timestamp;
use ledger::Nanos;

use crate::usage::Bucket;

/// Differences of one kind that are told at most.
pub const MAX_DIFFERENCES: usize = 20;

/// A sum that is kept and is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which sum.
    pub subject: Subject,
    /// What is kept.
    pub kept: Nanos,
    /// What it was found to be.
    pub found: Nanos,
}

/// A sum that can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What all keys have spent together, which is what was used on all days.
    AllSpent,
    /// What a token has spent, which is at least what its records say.
    Spent {
        /// The token.
        token_id: String,
    },
    /// What a user has spent, which is what was used on all days.
    SpentBy {
        /// The user.
        user: String,
    },
    /// What was credited to an account, which is the sum of its entries.
    Credited {
        /// The account.
        account: String,
    },
    /// What is leased of an account, which is the sum of its leases.
    Leased {
        /// The account.
        account: String,
    },
    /// What a token has used in an hour or a day, which is what its records say.
    Used {
        /// An hour or a day.
        bucket: Bucket,
        /// When it begins.
        at: Timestamp,
        /// The token's name.
        token: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            subject,
            kept,
            found,
        } = self;
        match subject {
            Subject::AllSpent => write!(
                f,
                "spent: {kept} USD by all keys, but {found} USD were used on all days"
            ),
            Subject::Spent { token_id } => write!(
                f,
                "spent by {token_id}: {kept} USD, but its records say {found} USD"
            ),
            Subject::SpentBy { user } => write!(
                f,
                "spent by user {user}: {kept} USD, but {found} USD were used on all days"
            ),
            Subject::Credited { account } => write!(
                f,
                "credited to {account}: {kept} USD, but its entries say {found} USD"
            ),
            Subject::Leased { account } => write!(
                f,
                "leased of {account}: {kept} USD, but its leases say {found} USD"
            ),
            Subject::Used { bucket, at, token } => {
                let span = match bucket {
                    Bucket::Hour => "hour",
                    Bucket::Day => "day",
                };
                write!(
                    f,
                    "used by {token} in the {span} of {at}: {kept} USD, but its records say {found} USD"
                )
            }
        }
    }
}
