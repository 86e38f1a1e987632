//! The table of deeds.

use jiff::Timestamp;

use super::requests::{ceil_us, padded, places, time};
use super::revisions::Counter;
use super::rows::{Values, bounded};
use super::{Dialect, Row, Statement, Step, Value};
use crate::audit::{Deed, DeedPage, DeedSearch};
use crate::error::StoreError;
use crate::search::Cursor;

const TABLE: &str = "audit";
const COLUMNS: [&str; 7] = ["id", "at", "actor", "action", "subject", "was", "became"];

/// Writes a deed down, with the revision that `counter` has in its transaction.
pub(crate) fn add<'a>(
    dialect: Dialect,
    deed: &'a Deed,
    counter: Option<Counter>,
) -> Result<Step<'a>, StoreError> {
    let whole = |column, text: &'a Option<String>| match text {
        Some(text) => Value::whole(column, text),
        None => Ok(Value::Null),
    };
    let values = vec![
        Value::name(&deed.id),
        deed.at.as_microsecond().into(),
        Value::name(&deed.actor),
        Value::name(&deed.action),
        Value::name(&deed.subject),
        whole("was", &deed.was)?,
        whole("became", &deed.became)?,
    ];
    let revision = counter.map_or("NULL".to_owned(), Counter::number);
    let (columns, places) = (COLUMNS.join(", "), places(COLUMNS.len()));
    let sql = format!("INSERT INTO {TABLE} ({columns}, revision) VALUES ({places}, {revision})");
    Ok(Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    })
}

/// The revision that this deed gave a row.
pub(crate) fn revision<'a>(dialect: Dialect, deed: &'a Deed) -> Statement<'a> {
    let sql = format!("SELECT revision FROM {TABLE} WHERE id = ?");
    Statement::new(dialect, sql, vec![Value::name(&deed.id)])
}

/// The revision out of a row that `revision` asked for.
pub(crate) fn to_revision(values: Values) -> Result<u64, StoreError> {
    Row::new(TABLE, &["revision"], values).number()
}

/// A page and one deed more, which says whether there is a next page.
pub(crate) fn page(dialect: Dialect, search: &DeedSearch) -> Statement<'_> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let Some(subject) = &search.subject {
        conditions.push("subject = ?");
        values.push(Value::name(subject));
    }
    if let Some(cursor) = &search.cursor {
        // As in the list of requests.
        conditions.push("at <= ? AND (at < ? OR id < ?)");
        values.extend([cursor.at_us.into(), cursor.at_us.into()]);
        values.push(Value::name(&cursor.id));
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    values.push(Value::count(bounded(search.limit) as u64 + 1));
    let columns = COLUMNS.join(", ");
    let sql = format!("SELECT {columns} FROM {TABLE}{filter} ORDER BY at DESC, id DESC LIMIT ?");
    Statement::new(dialect, sql, values)
}

/// The page out of the rows that `page` asked for.
pub(crate) fn to_page(search: &DeedSearch, rows: Vec<Values>) -> Result<DeedPage, StoreError> {
    let size = bounded(search.limit);
    let more = rows.len() > size;
    let items = rows.into_iter().take(size).map(decode);
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let last = items.last().filter(|_| more);
    let next = last.map(|deed| Cursor::after(deed.at, &deed.id));
    Ok(DeedPage { items, next })
}

fn decode(values: Values) -> Result<Deed, StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    Ok(Deed {
        id: row.text()?,
        at: time(row)?,
        actor: row.text()?,
        action: row.text()?,
        subject: row.text()?,
        was: row.optional_text()?,
        became: row.optional_text()?,
    })
}

/// The ids of the oldest deeds of before `time`, `limit` at most.
pub(crate) fn older(dialect: Dialect, time: Timestamp, limit: usize) -> Statement<'static> {
    let sql = format!("SELECT id FROM {TABLE} WHERE at < ? ORDER BY at, id LIMIT ?");
    let values = vec![
        Value::Int(ceil_us(time)),
        Value::count(bounded(limit) as u64),
    ];
    Statement::new(dialect, sql, values)
}

/// Removes the deeds with these ids.
pub(crate) fn remove(dialect: Dialect, ids: Values) -> Step<'static> {
    let ids = padded(ids);
    let sql = format!("DELETE FROM {TABLE} WHERE id IN ({})", places(ids.len()));
    Step {
        statement: Statement::new(dialect, sql, ids),
        changes: None,
    }
}
