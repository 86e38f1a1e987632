//! The table of users.

use config::rows::{Read, UserRow};
use jiff::Timestamp;

use super::requests::time;
use super::revisions::Counter;
use super::rows::{Table, Values, bounded, deleted, deletion, read};
use super::{Dialect, Row, Statement, Step, Value};
use crate::error::StoreError;

const TABLE: Table = Table {
    name: "users",
    columns: &[
        "name",
        "settings",
        "created_at",
        "updated_at",
        "deleted_at",
        "revision",
    ],
    counter: Counter::Accounts,
};

/// Adds a user.
pub(crate) fn add(
    dialect: Dialect,
    user: &UserRow,
    now: Timestamp,
) -> Result<Step<'_>, StoreError> {
    let values = vec![
        Value::name(&user.name),
        Value::whole("settings", &user.settings)?,
        user.created_at.as_microsecond().into(),
        now.as_microsecond().into(),
        deletion(user.deleted_at),
    ];
    Ok(TABLE.add(dialect, "", values))
}

/// Replaces the user of this revision.
pub(crate) fn set(
    dialect: Dialect,
    user: &UserRow,
    now: Timestamp,
) -> Result<Step<'_>, StoreError> {
    let values = vec![
        Value::whole("settings", &user.settings)?,
        now.as_microsecond().into(),
        deletion(user.deleted_at),
        Value::name(&user.name),
        Value::count(user.revision),
    ];
    let columns = ["settings", "updated_at", "deleted_at"];
    let condition = "name = ? AND revision = ? AND deleted_at = 0";
    Ok(TABLE.set(dialect, &columns, condition, values))
}

/// Users that changed after `revision`.
pub(crate) fn since(dialect: Dialect, revision: u64) -> Statement<'static> {
    TABLE.since(dialect, revision)
}

/// The user of that name, if not deleted.
pub(crate) fn by_name(dialect: Dialect, name: &str) -> Statement<'_> {
    let rest = "WHERE name = ? AND deleted_at = 0";
    TABLE.select(dialect, rest, vec![Value::name(name)])
}

/// Those after `after` that are not deleted.
pub(crate) fn page<'a>(dialect: Dialect, after: Option<&'a str>, limit: usize) -> Statement<'a> {
    let mut values: Vec<_> = after.map(Value::name).into_iter().collect();
    values.push(Value::count(bounded(limit) as u64));
    let after = match after {
        Some(_) => "AND name > ? ",
        None => "",
    };
    let rest = format!("WHERE deleted_at = 0 {after}ORDER BY name LIMIT ?");
    TABLE.select(dialect, &rest, values)
}

/// The user of a row, or why there is none.
pub(crate) fn read_row(values: Values) -> Read<UserRow> {
    read(values, "user", 0, decode)
}

/// The user of a row.
pub(crate) fn decode(values: Values) -> Result<UserRow, StoreError> {
    let row = &mut Row::new(TABLE.name, TABLE.columns, values);
    Ok(UserRow {
        name: row.text()?,
        settings: row.text()?,
        created_at: time(row)?,
        updated_at: time(row)?,
        deleted_at: deleted(row)?,
        revision: row.number()?,
    })
}
