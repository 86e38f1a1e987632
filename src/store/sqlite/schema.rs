//! Brings the schema to the version of this program, and refuses a newer one.

use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::StoreError;
use crate::server::check_version;

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// Two processes may start on a new file at once; the slower one finds the work done.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the migrations that the store has not seen.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let mut attempt = 1;
    while let Err(error) = migrate_once(connection) {
        if attempt == ATTEMPTS || matches!(error, StoreError::NewerSchema { .. }) {
            return Err(error);
        }
        tracing::debug!(%error, attempt, "migrating the store again");
        attempt += 1;
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn migrate_once(connection: &mut Connection) -> Result<(), StoreError> {
    let runner = embedded::migrations::runner();
    let found = version(connection)?;
    let known = check_version(&runner, found)?;
    if found == known {
        return Ok(());
    }
    // Takes the lock before it reads, and keeps it until all is done or nothing.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    let report = runner.set_grouped(true).run(connection);
    connection.set_transaction_behavior(TransactionBehavior::Deferred);
    report.map_err(StoreError::migration)?;
    tracing::info!(from = found, to = known, "store migrated");
    Ok(())
}

/// The newest migration the store has seen; 0 for a new one.
fn version(connection: &Connection) -> Result<i64, StoreError> {
    let kept =
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'refinery_schema_history'";
    let kept = connection.query_row(kept, [], |_| Ok(())).optional()?;
    if kept.is_none() {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    Ok(connection.query_row(newest, [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use refinery::Target;
    use rusqlite::params_from_iter;
    use tempfile::TempDir;

    use super::*;
    use crate::conformance::record;
    use crate::sql::{Dialect, requests};
    use crate::{Bucket, Dimension, Sums, UsageSearch, open};

    #[test]
    fn rows_of_before_the_sums_are_kept_and_counted() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("old.db");
        let mut old = Connection::open(&path).unwrap();
        let first = embedded::migrations::runner().set_target(Target::Version(1));
        first.run(&mut old).unwrap();
        let mut records: Vec<_> = (0..10).map(|n| record(&format!("{n}"), n)).collect();
        records[9].channel = None;
        let all: Vec<_> = records.iter().collect();
        for step in requests::insert(Dialect::Sqlite, &all) {
            let values = params_from_iter(&step.statement.values);
            old.execute(&step.statement.sql, values).unwrap();
        }
        drop(old);
        let store = open(&format!("sqlite://{}", path.display())).unwrap();
        for record in &records {
            assert_eq!(store.request(&record.id).unwrap().as_ref(), Some(record));
        }
        // Put again they count nothing; new ones are counted beside them.
        records.push(record("new", 11));
        store.put(&records).unwrap();
        let spent = records.iter().map(|record| record.cost.0).sum();
        for account in [
            ledger::book::key_account(&records[0].token_id),
            ledger::book::user_account(&records[0].user),
        ] {
            let purses = store.purses(&[&account]).unwrap();
            assert_eq!(purses[0].1.spent, ledger::Nanos(spent), "{account}");
        }
        for bucket in [Bucket::Hour, Bucket::Day] {
            let search = UsageSearch {
                from: "2026-11-21T00:00:00Z".parse().unwrap(),
                to: "2026-11-22T00:00:00Z".parse().unwrap(),
                bucket,
                by: vec![Dimension::Channel],
            };
            let Sums::All(sums) = store.usage(&search).unwrap() else {
                panic!("few");
            };
            let told: Vec<_> = sums
                .iter()
                .map(|sum| (sum.names[0].1.as_deref(), sum.requests, sum.usage.output))
                .collect();
            assert_eq!(told, [(None, 1, 5), (Some("openai-main"), 10, 50)]);
        }
    }
}
