//! The counts of changes. Every change counts first: the row is locked until its transaction ends, so
//! numbers become visible in their order, and who reads by them misses nothing.

use super::rows::Values;
use super::{Dialect, Row, Statement, Step, Value};
use crate::accounts::Revisions;
use crate::error::StoreError;

const TABLE: &str = "revisions";
const COLUMNS: [&str; 2] = ["accounts", "configuration"];

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Changes of users and keys.
    Accounts,
    /// Changes of documents.
    Configuration,
}

impl Counter {
    /// Its row, as a condition.
    pub(super) const fn condition(self) -> &'static str {
        match self {
            Counter::Accounts => "subject = 'accounts'",
            Counter::Configuration => "subject = 'configuration'",
        }
    }

    /// Its number, in a statement after `count`: the one that the change has.
    pub(super) fn number(self) -> String {
        format!("(SELECT number FROM {TABLE} WHERE {})", self.condition())
    }
}

/// Counts one change.
pub(crate) fn count(dialect: Dialect, counter: Counter) -> Step<'static> {
    let row = counter.condition();
    let sql = format!("UPDATE {TABLE} SET number = number + 1 WHERE {row}");
    Step {
        statement: Statement::new(dialect, sql, Vec::new()),
        changes: Some(1),
    }
}

/// Counts one change, if there were so many until now.
pub(crate) fn count_from(dialect: Dialect, counter: Counter, number: u64) -> Step<'static> {
    let row = counter.condition();
    let sql = format!("UPDATE {TABLE} SET number = number + 1 WHERE {row} AND number = ?");
    Step {
        statement: Statement::new(dialect, sql, vec![Value::count(number)]),
        changes: Some(1),
    }
}

/// Both numbers, of one moment.
pub(crate) fn all(dialect: Dialect) -> Statement<'static> {
    let accounts = Counter::Accounts.number();
    let configuration = Counter::Configuration.number();
    let sql = format!("SELECT {accounts}, {configuration}");
    Statement::new(dialect, sql, Vec::new())
}

/// The numbers out of the row that `all` asked for.
pub(crate) fn decode(values: Values) -> Result<Revisions, StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    Ok(Revisions {
        accounts: row.number()?,
        configuration: row.number()?,
    })
}
