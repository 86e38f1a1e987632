//! Verbs that are not there yet.

use config::rows::{Document, KeyRow, UserRow};
use jiff::Timestamp;

use crate::database::Database;
use crate::driver::Driver;
use crate::*;

impl<D: Driver> Accounts for Database<D> {
    fn revisions(&self) -> Result<Revisions, StoreError> {
        Err(StoreError::Opening)
    }
    fn users_since(&self, _: u64) -> Result<Vec<UserRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn keys_since(&self, _: u64) -> Result<Vec<KeyRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn user(&self, _: &str) -> Result<Option<UserRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn users(&self, _: Option<&str>, _: usize) -> Result<Vec<UserRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn key(&self, _: &str) -> Result<Option<KeyRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn keys(&self, _: &KeySearch) -> Result<Vec<KeyRow>, StoreError> {
        Err(StoreError::Opening)
    }
    fn documents(&self) -> Result<Vec<Document>, StoreError> {
        Err(StoreError::Opening)
    }
    fn change(&self, _: Change<'_>, _: &Deed, _: Timestamp) -> Result<Changed, StoreError> {
        Err(StoreError::Opening)
    }
}
impl<D: Driver> Audit for Database<D> {
    fn deeds(&self, _: &DeedSearch) -> Result<DeedPage, StoreError> {
        Err(StoreError::Opening)
    }
    fn prune_deeds(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Err(StoreError::Opening)
    }
}
