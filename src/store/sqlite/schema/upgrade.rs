//! Accounts come to a store that had none.

#![allow(clippy::unwrap_used)]

use refinery::Target;
use rusqlite::Connection;
use tempfile::TempDir;

use super::embedded;
use crate::conformance::upgrade::{PURSES, SPENT};
use crate::{Revisions, open};

#[test]
fn what_was_spent_is_in_purses() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("old.db");
    let mut old = Connection::open(&path).unwrap();
    let before = embedded::migrations::runner().set_target(Target::Version(3));
    before.run(&mut old).unwrap();
    old.execute_batch(SPENT).unwrap();
    let store = open(&format!("sqlite://{}", path.display())).unwrap();
    assert_eq!(purses(&old), PURSES);
    assert_eq!(store.revisions().unwrap(), Revisions::default());
    assert_eq!(store.users_since(0).unwrap(), []);
    assert_eq!(store.keys_since(0).unwrap(), []);
    assert_eq!(store.documents().unwrap(), []);
}

fn purses(connection: &Connection) -> Vec<String> {
    let sql = "SELECT account || ' ' || credited || ' ' || spent || ' ' || leased \
               FROM purses ORDER BY account";
    let mut query = connection.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}
