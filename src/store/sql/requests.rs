//! The table of requests: its columns, its rows, and the questions asked of it.

use std::sync::LazyLock;

use jiff::Timestamp;
use ledger::{Nanos, Record};

use super::batch::{self, Insert};
use super::value::TEXT_BYTES;
use super::{Dialect, Row, Statement, Step, Value};
use crate::error::StoreError;
use crate::search::{Cursor, Page, Search};

const TABLE: &str = "requests";

/// In the order in which `encode` and `decode` go through them.
const COLUMNS: [&str; 35] = [
    "id",
    "client_request_id",
    "at",
    "user_name",
    "token",
    "token_id",
    "group_name",
    "operation",
    "client_format",
    "upstream_format",
    "model",
    "upstream_model",
    "channel",
    "attempts",
    "status",
    "ended",
    "stream",
    "first_byte_ms",
    "duration_ms",
    "overhead_us",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
    "usage_source",
    "cost",
    "config",
    "upstream_request_id",
    "error",
];

const INSERT: Insert = Insert {
    table: TABLE,
    columns: &COLUMNS,
    conflict: |dialect| dialect.keep("id"),
};

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM {TABLE}", COLUMNS.join(", ")));

/// Touches the table, so that a database that answers without its files is noticed.
pub(crate) fn touch(dialect: Dialect) -> Statement<'static> {
    Statement::new(
        dialect,
        format!("SELECT 1 FROM {TABLE} LIMIT 1"),
        Vec::new(),
    )
}

/// Adds every one of `records`, or the transaction is to be undone.
pub(crate) fn insert<'a>(dialect: Dialect, records: &[&'a Record]) -> Vec<Step<'a>> {
    let mut rows = records.iter().map(|record| encode(record));
    let bytes = records.iter().map(|record| text_bytes(record));
    let sizes = batch::sizes(bytes).into_iter();
    let steps = sizes.map(|size| Step {
        statement: INSERT.statement(dialect, size, rows.by_ref().take(size).flatten().collect()),
        changes: Some(size as u64),
    });
    steps.collect()
}

/// Those of `ids` that are there.
pub(crate) fn kept<'a>(dialect: Dialect, ids: &[Value<'a>]) -> Statement<'a> {
    let ids = padded(ids.to_vec());
    let sql = format!("SELECT id FROM {TABLE} WHERE id IN ({})", places(ids.len()));
    Statement::new(dialect, sql, ids)
}

/// The ids of the oldest records of before `time`, `limit` at most.
pub(crate) fn older(dialect: Dialect, time: Timestamp, limit: usize) -> Statement<'static> {
    let sql = format!("SELECT id FROM {TABLE} WHERE at < ? ORDER BY at, id LIMIT ?");
    let values = vec![Value::Int(ceil_us(time)), Value::count(limit as u64)];
    Statement::new(dialect, sql, values)
}

/// Removes the records with these ids.
pub(crate) fn remove<'a>(dialect: Dialect, ids: Vec<Value<'a>>) -> Step<'a> {
    let ids = padded(ids);
    let sql = format!("DELETE FROM {TABLE} WHERE id IN ({})", places(ids.len()));
    Step {
        statement: Statement::new(dialect, sql, ids),
        changes: None,
    }
}

/// The last id again and again, to the next power of two: a few statements to prepare, not hundreds.
pub(super) fn padded<'a>(mut ids: Vec<Value<'a>>) -> Vec<Value<'a>> {
    if let Some(last) = ids.last().cloned() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    ids
}

pub(super) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The record with this id.
pub(crate) fn by_id(dialect: Dialect, id: &str) -> Statement<'_> {
    let sql = format!("{} WHERE id = ?", *SELECT);
    Statement::new(dialect, sql, vec![Value::name(id)])
}

/// The key of a record.
pub(crate) fn id(record: &Record) -> Value<'_> {
    Value::name(&record.id)
}

/// About how much of a statement a record is: its long texts.
fn text_bytes(record: &Record) -> usize {
    const OTHERS: usize = 4 << 10;
    let error = record.error.as_ref().map_or(0, String::len);
    OTHERS + error.min(TEXT_BYTES)
}

/// A page and one record more, which says whether there is a next page.
pub(crate) fn page(dialect: Dialect, search: &Search) -> Statement<'_> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for (condition, value) in [
        ("token = ?", search.token.as_deref()),
        ("token_id = ?", search.token_id.as_deref()),
        ("model = ?", search.model.as_deref()),
        ("channel = ?", search.channel.as_deref()),
    ] {
        let Some(value) = value else { continue };
        conditions.push(condition);
        values.push(Value::name(value));
    }
    for (condition, time) in [("at >= ?", search.after), ("at < ?", search.before)] {
        let Some(time) = time else { continue };
        conditions.push(condition);
        values.push(Value::Int(ceil_us(time)));
    }
    if let Some(cursor) = &search.cursor {
        // The plain spelling of (at, id) < (?, ?): the first half lets every database begin at the
        // right place of its index.
        conditions.push("at <= ? AND (at < ? OR id < ?)");
        values.extend([cursor.at_us.into(), cursor.at_us.into()]);
        values.push(Value::name(&cursor.id));
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    values.push(Value::count(search.page_size() as u64 + 1));
    let sql = format!("{}{filter} ORDER BY at DESC, id DESC LIMIT ?", *SELECT);
    Statement::new(dialect, sql, values)
}

/// Rows have whole microseconds: a bound between two of them means the later one, both for "not
/// before" and for "before".
pub(super) fn ceil_us(time: Timestamp) -> i64 {
    let us = time.as_microsecond();
    match time.as_nanosecond() > i128::from(us) * 1_000 {
        true => us + 1,
        false => us,
    }
}

/// The page out of the rows that `page` asked for.
pub(crate) fn to_page(search: &Search, rows: Vec<Vec<Value<'static>>>) -> Result<Page, StoreError> {
    let more = rows.len() > search.page_size();
    let items = rows
        .into_iter()
        .take(search.page_size())
        .map(decode)
        .collect::<Result<Vec<_>, _>>()?;
    let last = items.last().filter(|_| more);
    let next = last.map(|record| Cursor::after(record.at, &record.id));
    Ok(Page { items, next })
}

/// The values of a record's row.
fn encode(record: &Record) -> [Value<'_>; COLUMNS.len()] {
    let usage = &record.usage;
    [
        Value::name(&record.id),
        Value::optional_name(record.client_request_id.as_deref()),
        record.at.as_microsecond().into(),
        Value::name(&record.user),
        Value::name(&record.token),
        Value::name(&record.token_id),
        Value::name(&record.group),
        Value::name(record.operation.as_str()),
        Value::name(record.client_format.as_str()),
        Value::optional_name(record.upstream_format.map(|format| format.as_str())),
        Value::name(&record.model),
        Value::optional_name(record.upstream_model.as_deref()),
        Value::optional_name(record.channel.as_deref()),
        i64::from(record.attempts).into(),
        i64::from(record.status).into(),
        Value::name(record.end.as_str()),
        Value::flag(record.stream),
        record.first_byte_ms.map_or(Value::Null, Value::count),
        Value::count(record.duration_ms),
        Value::count(record.overhead_us),
        Value::count(usage.input),
        Value::count(usage.cache_read),
        Value::count(usage.cache_write_5m),
        Value::count(usage.cache_write_1h),
        Value::count(usage.output),
        Value::count(usage.reasoning),
        Value::count(usage.audio_input),
        Value::count(usage.audio_output),
        Value::count(usage.image_input),
        Value::count(usage.image_output),
        Value::name(record.usage_source.as_str()),
        record.cost.0.into(),
        Value::name(&record.config),
        Value::optional_name(record.upstream_request_id.as_deref()),
        record.error.as_deref().map_or(Value::Null, Value::text),
    ]
}

/// The record of a row.
pub(crate) fn decode(values: Vec<Value<'static>>) -> Result<Record, StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    Ok(Record {
        id: row.text()?,
        client_request_id: row.optional_text()?,
        at: time(row)?,
        user: row.text()?,
        token: row.text()?,
        token_id: row.text()?,
        group: row.text()?,
        operation: row.name()?,
        client_format: row.name()?,
        upstream_format: row.optional_name()?,
        model: row.text()?,
        upstream_model: row.optional_text()?,
        channel: row.optional_text()?,
        attempts: row.number()?,
        status: row.number()?,
        end: row.name()?,
        stream: row.number::<i64>()? != 0,
        first_byte_ms: row.optional_number()?,
        duration_ms: row.number()?,
        overhead_us: row.number()?,
        usage: row.usage()?,
        usage_source: row.name()?,
        cost: Nanos(row.number()?),
        config: row.text()?,
        upstream_request_id: row.optional_text()?,
        error: row.optional_text()?,
    })
}

pub(super) fn time(row: &mut Row<'_>) -> Result<Timestamp, StoreError> {
    row.read(|value| match value {
        Value::Int(us) => Timestamp::from_microsecond(us).ok(),
        _ => None,
    })
}
