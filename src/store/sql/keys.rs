//! The table of gateway keys, which has their hashes.

use config::rows::{KeyRow, PreviousKey, Read};
use jiff::Timestamp;

use super::hash::{hash, hex};
use super::requests::time;
use super::revisions::Counter;
use super::rows::{Table, Values, bounded, deleted, deletion, read};
use super::{Dialect, Row, Statement, Step, Value};
use crate::accounts::KeySearch;
use crate::error::StoreError;

const TABLE: Table = Table {
    name: "api_keys",
    columns: &[
        "id",
        "user_name",
        "name",
        "hash",
        "previous_hash",
        "previous_until",
        "hint",
        "settings",
        "created_at",
        "updated_at",
        "deleted_at",
        "revision",
    ],
    counter: Counter::Accounts,
};

/// Has keys without having a row.
const ROOT: &str = "root";

/// Adds a key of a user who is there.
pub(crate) fn add(dialect: Dialect, key: &KeyRow, now: Timestamp) -> Result<Step<'_>, StoreError> {
    let mut values = vec![
        Value::name(&key.id),
        Value::name(&key.user),
        Value::name(&key.name),
        hex(&key.hash),
        previous_hash(key),
        previous_until(key),
        Value::name(&key.hint),
        Value::whole("settings", &key.settings)?,
        key.created_at.as_microsecond().into(),
        now.as_microsecond().into(),
        deletion(key.deleted_at),
    ];
    let mut owner = "";
    if Value::name(&key.user) != Value::name(ROOT) {
        owner = " AND EXISTS (SELECT 1 FROM users WHERE users.name = ? AND deleted_at = 0)";
        values.push(Value::name(&key.user));
    }
    Ok(TABLE.add(dialect, owner, values))
}

/// Replaces the key of this revision, whose new name and hash are no other's.
pub(crate) fn set(
    dialect: Dialect,
    key: &KeyRow,
    now: Timestamp,
) -> Result<[Step<'_>; 3], StoreError> {
    let same_name = "user_name = ? AND name = ? AND deleted_at = ? AND id <> ?";
    let name = vec![
        Value::name(&key.user),
        Value::name(&key.name),
        deletion(key.deleted_at),
        Value::name(&key.id),
    ];
    let same_hash = "hash = ? AND id <> ?";
    let hash = vec![hex(&key.hash), Value::name(&key.id)];
    Ok([
        TABLE.none(dialect, same_name, name),
        TABLE.none(dialect, same_hash, hash),
        replace(dialect, key, now)?,
    ])
}

fn replace(dialect: Dialect, key: &KeyRow, now: Timestamp) -> Result<Step<'_>, StoreError> {
    let columns = [
        "name",
        "hash",
        "previous_hash",
        "previous_until",
        "hint",
        "settings",
        "updated_at",
        "deleted_at",
    ];
    let condition = "id = ? AND user_name = ? AND revision = ? AND deleted_at = 0";
    let values = vec![
        Value::name(&key.name),
        hex(&key.hash),
        previous_hash(key),
        previous_until(key),
        Value::name(&key.hint),
        Value::whole("settings", &key.settings)?,
        now.as_microsecond().into(),
        deletion(key.deleted_at),
        Value::name(&key.id),
        Value::name(&key.user),
        Value::count(key.revision),
    ];
    Ok(TABLE.set(dialect, &columns, condition, values))
}

/// Keys that changed after `revision`.
pub(crate) fn since(dialect: Dialect, revision: u64) -> Statement<'static> {
    TABLE.since(dialect, revision)
}

/// The key with that id, if not deleted.
pub(crate) fn by_id(dialect: Dialect, id: &str) -> Statement<'_> {
    let rest = "WHERE id = ? AND deleted_at = 0";
    TABLE.select(dialect, rest, vec![Value::name(id)])
}

/// Those that match and are not deleted.
pub(crate) fn page(dialect: Dialect, search: &KeySearch) -> Statement<'_> {
    let mut rest = "WHERE deleted_at = 0".to_owned();
    let mut values = Vec::new();
    for (condition, value) in [
        (" AND user_name = ?", &search.user),
        (" AND id > ?", &search.after),
    ] {
        let Some(value) = value else { continue };
        rest.push_str(condition);
        values.push(Value::name(value));
    }
    rest.push_str(" ORDER BY id LIMIT ?");
    values.push(Value::count(bounded(search.limit) as u64));
    TABLE.select(dialect, &rest, values)
}

/// The key of a row, or why there is none.
pub(crate) fn read_row(values: Values) -> Read<KeyRow> {
    read(values, "key", 0, decode)
}

/// The key of a row.
pub(crate) fn decode(values: Values) -> Result<KeyRow, StoreError> {
    let row = &mut Row::new(TABLE.name, TABLE.columns, values);
    Ok(KeyRow {
        id: row.text()?,
        user: row.text()?,
        name: row.text()?,
        hash: row.read(hash)?,
        previous: previous(row)?,
        hint: row.text()?,
        settings: row.text()?,
        created_at: time(row)?,
        updated_at: time(row)?,
        deleted_at: deleted(row)?,
        revision: row.number()?,
    })
}

fn previous(row: &mut Row<'_>) -> Result<Option<PreviousKey>, StoreError> {
    let hash = row.read(|value| match value {
        Value::Null => Some(None),
        value => hash(value).map(Some),
    })?;
    let until = row.read(|value| match value {
        Value::Null => Some(None),
        Value::Int(us) => Timestamp::from_microsecond(us).ok().map(Some),
        Value::Text(_) => None,
    })?;
    Ok(hash
        .zip(until)
        .map(|(hash, until)| PreviousKey { hash, until }))
}

fn previous_hash(key: &KeyRow) -> Value<'static> {
    let previous = key.previous.as_ref();
    previous.map_or(Value::Null, |previous| hex(&previous.hash))
}

fn previous_until(key: &KeyRow) -> Value<'static> {
    let previous = key.previous.as_ref();
    previous.map_or(Value::Null, |previous| {
        previous.until.as_microsecond().into()
    })
}
