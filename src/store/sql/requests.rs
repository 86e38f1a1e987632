//! The table of requests: its columns, its rows, and the questions asked of it.

use std::sync::LazyLock;

use jiff::Timestamp;
use ledger::{Nanos, Record};
use llm::Usage;

use super::{Row, Statement, Value};
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

/// Adds a record; one whose id is there already stays as it is.
pub(crate) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let columns = COLUMNS.join(", ");
    let places = ["?"; COLUMNS.len()].join(", ");
    format!("INSERT INTO {TABLE} ({columns}) VALUES ({places}) ON CONFLICT (id) DO NOTHING")
});

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM {TABLE}", COLUMNS.join(", ")));

/// Touches the table, so that a database that answers without its files is noticed.
pub(crate) fn touch() -> Statement<'static> {
    Statement {
        sql: format!("SELECT 1 FROM {TABLE} LIMIT 1"),
        values: Vec::new(),
    }
}

/// The record with this id.
pub(crate) fn by_id(id: &str) -> Statement<'_> {
    Statement {
        sql: format!("{} WHERE id = ?", *SELECT),
        values: vec![id.into()],
    }
}

/// A page and one record more, which says whether there is a next page.
pub(crate) fn page(search: &Search) -> Statement<'_> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for (condition, value) in [
        ("token = ?", search.token.as_deref()),
        ("model = ?", search.model.as_deref()),
        ("channel = ?", search.channel.as_deref()),
    ] {
        let Some(value) = value else { continue };
        conditions.push(condition);
        values.push(value.into());
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
        values.push(cursor.id.as_str().into());
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    values.push(Value::count(search.page_size() as u64 + 1));
    Statement {
        sql: format!("{}{filter} ORDER BY at DESC, id DESC LIMIT ?", *SELECT),
        values,
    }
}

/// Rows have whole microseconds: a bound between two of them means the later one, both for "not
/// before" and for "before".
fn ceil_us(time: Timestamp) -> i64 {
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
    let next = items.last().filter(|_| more).map(Cursor::after);
    Ok(Page { items, next })
}

/// The values of a record's row.
pub(crate) fn encode(record: &Record) -> [Value<'_>; COLUMNS.len()] {
    let usage = &record.usage;
    [
        (&record.id).into(),
        Value::optional(record.client_request_id.as_ref()),
        record.at.as_microsecond().into(),
        (&record.user).into(),
        (&record.token).into(),
        (&record.token_id).into(),
        (&record.group).into(),
        record.operation.as_str().into(),
        record.client_format.as_str().into(),
        Value::optional(record.upstream_format.map(|format| format.as_str())),
        (&record.model).into(),
        Value::optional(record.upstream_model.as_ref()),
        Value::optional(record.channel.as_ref()),
        i64::from(record.attempts).into(),
        i64::from(record.status).into(),
        record.end.as_str().into(),
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
        record.usage_source.as_str().into(),
        record.cost.0.into(),
        (&record.config).into(),
        Value::optional(record.upstream_request_id.as_ref()),
        Value::optional(record.error.as_ref()),
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
        usage: Usage {
            input: row.number()?,
            cache_read: row.number()?,
            cache_write_5m: row.number()?,
            cache_write_1h: row.number()?,
            output: row.number()?,
            reasoning: row.number()?,
            audio_input: row.number()?,
            audio_output: row.number()?,
            image_input: row.number()?,
            image_output: row.number()?,
        },
        usage_source: row.name()?,
        cost: Nanos(row.number()?),
        config: row.text()?,
        upstream_request_id: row.optional_text()?,
        error: row.optional_text()?,
    })
}

fn time(row: &mut Row<'_>) -> Result<Timestamp, StoreError> {
    row.read(|value| match value {
        Value::Int(us) => Timestamp::from_microsecond(us).ok(),
        _ => None,
    })
}
