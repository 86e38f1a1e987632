//! Verbs that are not there yet.

use std::time::Duration;

use ledger::Nanos;
use ledger::book::{Entry, Purse};
use ledger::lease::{Taken, Want};

use crate::database::Database;
use crate::driver::Driver;
use crate::*;

const _: Duration = LEASE_TERM;

impl<D: Driver> Book for Database<D> {
    fn post(&self, _: &Entry, _: &Deed) -> Result<Posted, StoreError> {
        Err(StoreError::Opening)
    }
    fn entries(&self, _: &EntrySearch) -> Result<EntryPage, StoreError> {
        Err(StoreError::Opening)
    }
    fn purses(&self, _: &[&str]) -> Result<Vec<(String, Purse)>, StoreError> {
        Err(StoreError::Opening)
    }
}
impl<D: Driver> Leases for Database<D> {
    fn lease(&self, _: &Want<'_>) -> Result<Taken, StoreError> {
        Err(StoreError::Opening)
    }
    fn renew(&self, _: &str) -> Result<Vec<(String, Nanos)>, StoreError> {
        Err(StoreError::Opening)
    }
    fn give_back(&self, _: &str, _: &str, _: Nanos) -> Result<bool, StoreError> {
        Err(StoreError::Opening)
    }
    fn expire(&self) -> Result<usize, StoreError> {
        Err(StoreError::Opening)
    }
}
