//! Rows that change one at a time, each change with a number of its own, the row's revision.

use config::rows::{Read, Unreadable};
use jiff::Timestamp;

use super::requests::time;
use super::revisions::Counter;
use super::{Dialect, Row, Statement, Step, Value};
use crate::accounts::MAX_ROWS;
use crate::error::StoreError;

/// What a row of an answer holds.
pub(crate) type Values = Vec<Value<'static>>;

/// A table of such rows.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// In the order of the answers' values; the last one is `revision`.
    pub(super) columns: &'static [&'static str],
    /// What counts its changes.
    pub(super) counter: Counter,
}

impl Table {
    /// A question whose answer has all columns.
    pub(super) fn select<'a>(
        &self,
        dialect: Dialect,
        rest: &str,
        values: Vec<Value<'a>>,
    ) -> Statement<'a> {
        let (columns, name) = (self.columns.join(", "), self.name);
        let sql = format!("SELECT {columns} FROM {name} {rest}");
        Statement::new(dialect, sql, values)
    }

    /// The rows that changed after `revision`.
    pub(super) fn since(&self, dialect: Dialect, revision: u64) -> Statement<'static> {
        let rest = "WHERE revision > ? ORDER BY revision LIMIT ?";
        let values = vec![Value::count(revision), Value::count(MAX_ROWS as u64)];
        self.select(dialect, rest, values)
    }

    /// Adds a row with the values of all columns but `revision`; of one that is there, or where
    /// `condition` does not hold, the transaction is undone.
    pub(super) fn add<'a>(
        &self,
        dialect: Dialect,
        condition: &str,
        values: Vec<Value<'a>>,
    ) -> Step<'a> {
        let Table { name, columns, .. } = self;
        let places = vec!["?"; columns.len() - 1].join(", ");
        let (columns, conflict) = (columns.join(", "), dialect.leave_out(name, columns[0]));
        let counted = self.counter.condition();
        let sql = format!(
            "INSERT INTO {name} ({columns}) SELECT {places}, number FROM revisions \
             WHERE {counted}{condition}{conflict}"
        );
        step(Statement::new(dialect, sql, values), 1)
    }

    /// Sets these columns and the revision of the one row that is as `condition` says, or the
    /// transaction is undone.
    pub(super) fn set<'a>(
        &self,
        dialect: Dialect,
        columns: &[&str],
        condition: &str,
        values: Vec<Value<'a>>,
    ) -> Step<'a> {
        let (columns, name, number) = (columns.join(" = ?, "), self.name, self.counter.number());
        let sql = format!("UPDATE {name} SET {columns} = ?, revision = {number} WHERE {condition}");
        step(Statement::new(dialect, sql, values), 1)
    }

    /// Removes the one row that is as `condition` says, or the transaction is undone.
    pub(super) fn remove<'a>(
        &self,
        dialect: Dialect,
        condition: &str,
        values: Vec<Value<'a>>,
    ) -> Step<'a> {
        let sql = format!("DELETE FROM {} WHERE {condition}", self.name);
        step(Statement::new(dialect, sql, values), 1)
    }

    /// Changes nothing, or the transaction is undone: there must be no row as `condition` says.
    ///
    /// An update that must not happen, because MySQL does not let a statement ask for rows of the
    /// table that it changes.
    pub(super) fn none<'a>(
        &self,
        dialect: Dialect,
        condition: &str,
        values: Vec<Value<'a>>,
    ) -> Step<'a> {
        let sql = format!(
            "UPDATE {} SET revision = revision + 1 WHERE {condition}",
            self.name
        );
        step(Statement::new(dialect, sql, values), 0)
    }
}

/// The row that `decode` makes of the values; where it cannot, what is known of it all the same: that it
/// is this `kind` of row, and the name in column `name`.
pub(super) fn read<T>(
    values: Values,
    kind: &str,
    name: usize,
    decode: impl FnOnce(Values) -> Result<T, StoreError>,
) -> Read<T> {
    let name = text(values.get(name));
    let revision = match values.last() {
        Some(Value::Int(revision)) => u64::try_from(*revision).unwrap_or(0),
        _ => 0,
    };
    decode(values).map_err(|error| Unreadable {
        kind: kind.to_owned(),
        name,
        why: error.to_string(),
        revision,
    })
}

/// The text of a column that names a row.
pub(super) fn text(value: Option<&Value<'static>>) -> String {
    match value {
        Some(Value::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

fn step(statement: Statement<'_>, changes: u64) -> Step<'_> {
    Step {
        statement,
        changes: Some(changes),
    }
}

/// So many rows as `limit` says, inside its bounds.
pub(crate) fn bounded(limit: usize) -> usize {
    limit.clamp(1, MAX_ROWS)
}

/// A time, and never the 0 of a row that is not deleted.
pub(super) fn deletion(deleted_at: Option<Timestamp>) -> Value<'static> {
    Value::Int(deleted_at.map_or(0, |at| at.as_microsecond().max(1)))
}

/// What `deletion` made of a time.
pub(super) fn deleted(row: &mut Row<'_>) -> Result<Option<Timestamp>, StoreError> {
    Ok(Some(time(row)?).filter(|at| *at != Timestamp::UNIX_EPOCH))
}
