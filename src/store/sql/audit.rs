//! The table of deeds.

use super::{Dialect, Statement, Step, Value};
use crate::audit::Deed;

const TABLE: &str = "audit";
const COLUMNS: [&str; 7] = ["id", "at", "actor", "action", "subject", "was", "became"];

/// Writes a deed down, in the transaction that does it.
pub(crate) fn insert<'a>(dialect: Dialect, deed: &'a Deed) -> Step<'a> {
    let optional = |text: Option<&'a str>| text.map_or(Value::Null, Value::text);
    let values = vec![
        Value::name(&deed.id),
        deed.at.as_microsecond().into(),
        Value::name(&deed.actor),
        Value::name(&deed.action),
        Value::name(&deed.subject),
        optional(deed.was.as_deref()),
        optional(deed.became.as_deref()),
    ];
    let (columns, places) = (COLUMNS.join(", "), super::requests::places(COLUMNS.len()));
    let sql = format!("INSERT INTO {TABLE} ({columns}) VALUES ({places})");
    Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    }
}
