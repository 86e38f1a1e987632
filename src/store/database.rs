//! The store's verbs over any driver.

mod accounts;
mod audit;
mod book;
mod leases;
mod records;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use ledger::journal::Place;
use ledger::{Record, Sink, SinkError};

use crate::Store;
use crate::driver::{Committed, Driver};
use crate::error::StoreError;
use crate::search::{Page, Search};
use crate::sql::leases::Free;
use crate::sql::{Dialect, Statement, Step, Value, requests, usage, verify};
use crate::usage::{Bucket, Sums, UsageSearch};
use crate::verify::Difference;

/// How often a transaction that found other rows than expected is made up anew.
const ATTEMPTS: u32 = 5;
/// How often a transaction is run that the database undoes for another's sake.
const RUNS: u32 = 5;
/// Until such a transaction is run again; longer each time.
const PAUSE: Duration = Duration::from_millis(5);

/// A database, opened at once or as soon as it can be reached.
pub(crate) struct Database<D> {
    driver: D,
    /// Serves leases, where that is another one: nobody else keeps it busy.
    leasing: Option<D>,
    open: AtomicBool,
    opening: Mutex<()>,
}

impl<D: Driver> Database<D> {
    /// Opens it. One that cannot be reached now is opened later, by whoever needs it first.
    pub(crate) fn open(driver: D) -> Result<Database<D>, StoreError> {
        let database = Database {
            leasing: driver.apart()?,
            driver,
            open: AtomicBool::new(false),
            opening: Mutex::default(),
        };
        match database.driver() {
            Ok(_) => {}
            Err(error) if error.is_unreachable() => {
                tracing::warn!(%error, "starting without the store, trying again until it answers");
            }
            Err(error) => return Err(error),
        }
        Ok(database)
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &D {
        &self.driver
    }

    /// The opened database.
    fn driver(&self) -> Result<&D, StoreError> {
        if !self.open.load(Ordering::Acquire) {
            // Whoever comes meanwhile does not queue up behind a server that does not answer.
            let Ok(_opening) = self.opening.try_lock() else {
                return Err(StoreError::Opening);
            };
            self.driver.prepare()?;
            self.open.store(true, Ordering::Release);
        }
        Ok(&self.driver)
    }

    /// The opened database, for leases.
    fn leasing(&self) -> Result<&D, StoreError> {
        let driver = self.driver()?;
        Ok(self.leasing.as_ref().unwrap_or(driver))
    }

    /// Every row of the answer, decoded.
    fn all<'a, T>(
        &self,
        question: impl FnOnce(Dialect) -> Statement<'a>,
        decode: impl Fn(Vec<Value<'static>>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&question(driver.dialect()))?;
        rows.into_iter().map(decode).collect()
    }

    /// The first row of the answer, decoded.
    fn first<'a, T>(
        &self,
        question: impl FnOnce(Dialect) -> Statement<'a>,
        decode: impl Fn(Vec<Value<'static>>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&question(driver.dialect()))?;
        rows.into_iter().next().map(decode).transpose()
    }

    /// Runs the steps in one transaction, again where it and another's waited for each other.
    fn commit(&self, steps: &[Step<'_>]) -> Result<Committed, StoreError> {
        Self::commit_by(self.driver()?, steps)
    }

    fn commit_by(driver: &D, steps: &[Step<'_>]) -> Result<Committed, StoreError> {
        for run in 1..RUNS {
            match driver.commit(steps) {
                Err(error @ StoreError::Undone { .. }) => {
                    tracing::debug!(%error, run, "running a transaction again");
                    thread::sleep(PAUSE * run);
                }
                done => return done,
            }
        }
        driver.commit(steps)
    }
}

impl<D: Driver> Sink for Database<D> {
    fn put(&self, batch: &[Record]) -> Result<(), SinkError> {
        self.put_of("", batch, &[])
    }

    fn put_of(&self, node: &str, batch: &[Record], places: &[Place]) -> Result<(), SinkError> {
        self.add(node, batch, places).map_err(SinkError::new)
    }

    fn ended(&self, node: &str) -> Result<(), SinkError> {
        let freed = self.free(Free::Of(node));
        freed
            .and_then(|_| self.forget(node))
            .map_err(SinkError::new)
    }
}

impl<D: Driver> Store for Database<D> {
    fn request(&self, id: &str) -> Result<Option<Record>, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&requests::by_id(driver.dialect(), id))?;
        rows.into_iter().next().map(requests::decode).transpose()
    }

    fn requests(&self, search: &Search) -> Result<Page, StoreError> {
        let driver = self.driver()?;
        let rows = driver.query(&requests::page(driver.dialect(), search))?;
        requests::to_page(search, rows)
    }

    fn usage(&self, search: &UsageSearch) -> Result<Sums, StoreError> {
        let driver = self.driver()?;
        let rows = |part| driver.query(&usage::sums(driver.dialect(), part));
        let parts = search.parts();
        let found = thread::scope(|scope| {
            let asked: Vec<_> = parts
                .iter()
                .map(|part| scope.spawn(move || rows(part)))
                .collect();
            let rows = asked.into_iter().map(|part| match part.join() {
                Ok(rows) => rows,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        usage::to_sums(search, found.into_iter().flatten().collect())
    }

    fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let driver = self.driver()?;
        let dialect = driver.dialect();
        let old = driver.query(&requests::older(dialect, before, limit))?;
        let ids: Vec<_> = old.into_iter().flatten().collect();
        let mut removed = ids.len();
        let mut steps = Vec::new();
        if !ids.is_empty() {
            steps.push(requests::remove(dialect, ids));
        }
        let hour = driver.query(&usage::oldest_hour(dialect, before))?;
        if let Some(hour) = hour.into_iter().flatten().next() {
            steps.push(usage::remove_hour(dialect, hour));
            removed += 1;
        }
        if !steps.is_empty() {
            self.commit(&steps)?;
        }
        Ok(removed)
    }

    fn verify(&self, from: Timestamp) -> Result<Vec<Difference>, StoreError> {
        let driver = self.driver()?;
        let dialect = driver.dialect();
        let mut found = Vec::new();
        for check in verify::PURSES {
            for row in driver.query(&check.statement(dialect))? {
                found.push(check.difference(row)?);
            }
        }
        for bucket in [Bucket::Day, Bucket::Hour] {
            for row in driver.query(&verify::used(dialect, bucket, from))? {
                found.push(verify::of_bucket(bucket, row)?);
            }
        }
        Ok(found)
    }

    fn ping(&self) -> Result<(), StoreError> {
        let driver = self.driver()?;
        driver.query(&requests::touch(driver.dialect())).map(drop)
    }
}
