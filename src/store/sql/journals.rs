//! How far the journal of each process is stored.

use ledger::journal::Place;

use super::{Dialect, Statement, Step, Value};

const TABLE: &str = "journals";

/// Notes that everything up to `last` is stored, if nothing from `first` on was until now.
pub(crate) fn reach(dialect: Dialect, node: &str, first: Place, last: Place) -> Step<'_> {
    let sql = format!("UPDATE {TABLE} SET reached = ? WHERE node = ? AND reached < ?");
    let values = vec![last.0.into(), Value::name(node), first.0.into()];
    Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    }
}

/// The place of the last record that is stored, where the journal is known.
pub(crate) fn reached<'a>(dialect: Dialect, node: &'a str) -> Statement<'a> {
    let sql = format!("SELECT reached FROM {TABLE} WHERE node = ?");
    Statement::new(dialect, sql, vec![Value::name(node)])
}

/// From now on the journal is known, and nothing of it is stored.
pub(crate) fn begin(dialect: Dialect, node: &str) -> Step<'_> {
    let keep = dialect.keep("node");
    let sql = format!("INSERT INTO {TABLE} (node, reached) VALUES (?, 0){keep}");
    step(dialect, sql, node)
}

/// The journal is no more.
pub(crate) fn forget(dialect: Dialect, node: &str) -> Step<'_> {
    step(dialect, format!("DELETE FROM {TABLE} WHERE node = ?"), node)
}

fn step(dialect: Dialect, sql: String, node: &str) -> Step<'_> {
    Step {
        statement: Statement::new(dialect, sql, vec![Value::name(node)]),
        changes: None,
    }
}
