//! What nodes have taken of purses.

use std::time::Duration;

use ledger::Nanos;
use ledger::lease::{Taken, Want};

use crate::error::StoreError;

/// How long a lease goes on after its node last said that it is there, by the store's clock.
pub const LEASE_TERM: Duration = Duration::from_secs(30);

/// Leases: one for each node and account. What requests cost is taken off them in the transaction that
/// adds the records (`Sink::put`). So the sum of leases is what nodes may still spend unseen.
pub trait Leases {
    /// Takes more of a purse, adding to the lease that the node has of it.
    fn lease(&self, want: &Want<'_>) -> Result<Taken, StoreError>;

    /// Says that the node is there: its leases go on for `LEASE_TERM`. Returns them; those that are
    /// not among them have expired, and may be others' by now.
    fn renew(&self, node: &str) -> Result<Vec<(String, Nanos)>, StoreError>;

    /// Gives back what the node does not need. `false`: the lease has less than that, nothing changed.
    fn give_back(&self, node: &str, account: &str, amount: Nanos) -> Result<bool, StoreError>;

    /// Frees what nodes have leased that were not heard of for `LEASE_TERM`; returns how many leases.
    fn expire(&self) -> Result<usize, StoreError>;
}
