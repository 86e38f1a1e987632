//! The audit log.

use jiff::Timestamp;

use super::Database;
use crate::audit::{Audit, Deed, DeedPage, DeedSearch};
use crate::driver::Driver;
use crate::error::StoreError;
use crate::sql::audit;

impl<D: Driver> Audit for Database<D> {
    fn note(&self, deed: &Deed) -> Result<(), StoreError> {
        let dialect = self.driver()?.dialect();
        self.commit(&[audit::add(dialect, deed, None)?]).map(drop)
    }

    fn deeds(&self, search: &DeedSearch) -> Result<DeedPage, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&audit::page(driver.dialect(), search))?;
        audit::to_page(search, rows)
    }

    fn prune_deeds(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let driver = self.driver()?;
        let old = driver.query(&audit::older(driver.dialect(), before, limit))?;
        let ids: Vec<_> = old.into_iter().flatten().collect();
        let removed = ids.len();
        if removed > 0 {
            self.commit(&[audit::remove(driver.dialect(), ids)])?;
        }
        Ok(removed)
    }
}
