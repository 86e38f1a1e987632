//! The sums of usage: added to in the transaction that adds the records, read by range.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledger::{Nanos, Record};
use sha2::{Digest, Sha256};

use super::batch::{self, Insert};
use super::requests::time;
use super::{Dialect, Row, Statement, Step, Value};
use crate::error::StoreError;
use crate::usage::{Bucket, Dimension, MAX_SUMS, Sum, Sums, UsageSearch};

const COLUMNS: [&str; 18] = [
    "at",
    "digest",
    "model",
    "token",
    "user_name",
    "channel",
    "requests",
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
    "cost",
];
/// Where the columns begin that are summed up.
const SUMMED: usize = 6;
const COUNTS: usize = COLUMNS.len() - SUMMED;
/// About the bytes of a row's names.
const ROW_BYTES: usize = 1 << 10;

/// No request has more tokens of a class, or costs more (10^-9 USD): a row that says so must not
/// make a sum too large for its column, which would keep every later record out.
const MAX_TOKENS: i64 = 1 << 40;
pub(super) const MAX_COST: i64 = 1_000_000_000_000_000;

const HOURS: Insert = Insert {
    table: table(Bucket::Hour),
    columns: &COLUMNS,
    conflict: |dialect| dialect.add(table(Bucket::Hour), "at, digest", &COLUMNS[SUMMED..]),
};
const DAYS: Insert = Insert {
    table: table(Bucket::Day),
    columns: &COLUMNS,
    conflict: |dialect| dialect.add(table(Bucket::Day), "at, digest", &COLUMNS[SUMMED..]),
};

pub(super) const fn table(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Hour => "usage_hours",
        Bucket::Day => "usage_days",
    }
}

const fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Model => "model",
        Dimension::Token => "token",
        Dimension::User => "user_name",
        Dimension::Channel => "channel",
    }
}

/// The names of a sum, and what a batch adds to it.
type Tally<'a> = BTreeMap<(i64, [Value<'a>; 4]), [i64; COUNTS]>;

/// Adds the usage of `records` to the sums.
///
/// Always in the same order of rows, so that two nodes that add at once wait for each other
/// instead of blocking each other.
pub(crate) fn add<'a>(dialect: Dialect, records: &[&'a Record]) -> Vec<Step<'a>> {
    let hours = hours(records);
    let days = days(&hours);
    let mut steps = add_to(&HOURS, dialect, hours);
    steps.extend(add_to(&DAYS, dialect, days));
    steps
}

fn hours<'a>(records: &[&'a Record]) -> Tally<'a> {
    let mut tally = Tally::new();
    for record in records {
        let hour = start(Bucket::Hour, record.at.as_microsecond());
        count(&mut tally, (hour, names(record)), counts(record));
    }
    tally
}

/// A batch has many records and few hours.
fn days<'a>(hours: &Tally<'a>) -> Tally<'a> {
    let mut tally = Tally::new();
    for ((hour, names), counts) in hours {
        count(
            &mut tally,
            (start(Bucket::Day, *hour), names.clone()),
            *counts,
        );
    }
    tally
}

fn count<'a>(tally: &mut Tally<'a>, key: (i64, [Value<'a>; 4]), counts: [i64; COUNTS]) {
    let sums = tally.entry(key).or_insert([0; COUNTS]);
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

fn start(bucket: Bucket, us: i64) -> i64 {
    us - us.rem_euclid(bucket.us())
}

fn names(record: &Record) -> [Value<'_>; 4] {
    let channel = record.channel.as_deref().unwrap_or_default();
    [&record.model, &record.token, &record.user, channel].map(Value::name)
}

fn counts(record: &Record) -> [i64; COUNTS] {
    let usage = &record.usage;
    let tokens =
        |count: u64| i64::try_from(count).map_or(MAX_TOKENS, |count| count.min(MAX_TOKENS));
    [
        1,
        tokens(usage.input),
        tokens(usage.cache_read),
        tokens(usage.cache_write_5m),
        tokens(usage.cache_write_1h),
        tokens(usage.output),
        tokens(usage.reasoning),
        tokens(usage.audio_input),
        tokens(usage.audio_output),
        tokens(usage.image_input),
        tokens(usage.image_output),
        countable(record.cost),
    ]
}

/// What a record adds to a sum of costs.
pub(super) fn countable(cost: Nanos) -> i64 {
    cost.0.clamp(-MAX_COST, MAX_COST)
}

fn add_to<'a>(insert: &Insert, dialect: Dialect, tally: Tally<'a>) -> Vec<Step<'a>> {
    let sizes = batch::sizes(std::iter::repeat_n(ROW_BYTES, tally.len()));
    let mut rows = tally.into_iter().map(encode);
    let steps = sizes.into_iter().map(|size| Step {
        statement: insert.statement(dialect, size, rows.by_ref().take(size).flatten().collect()),
        changes: None,
    });
    steps.collect()
}

fn encode<'a>(
    ((at, names), counts): ((i64, [Value<'a>; 4]), [i64; COUNTS]),
) -> impl Iterator<Item = Value<'a>> {
    let key = [Value::Int(at), Value::Text(digest(&names).into())];
    key.into_iter().chain(names).chain(counts.map(Value::Int))
}

/// Stands for the names in the key: they are longer than what every database takes in one.
fn digest(names: &[Value<'_>; 4]) -> String {
    let mut hash = Sha256::new();
    for name in names {
        if let Value::Text(name) = name {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
        }
    }
    let bytes = hash.finalize();
    // 128 bits: two sets of names never meet.
    bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The sums of a search, and one more, which says that there are too many.
pub(crate) fn sums(dialect: Dialect, search: &UsageSearch) -> Statement<'static> {
    let mut columns = vec!["at"];
    columns.extend(dimensions(search).map(column));
    let group = columns.join(", ");
    let sums = COLUMNS[SUMMED..].iter().map(|column| dialect.sum(column));
    let sums = sums.collect::<Vec<_>>().join(", ");
    let table = table(search.bucket);
    let sql = format!(
        "SELECT {group}, {sums} FROM {table} WHERE at >= ? AND at < ? GROUP BY {group} LIMIT ?"
    );
    let start = |time| search.bucket.end(time).as_microsecond().into();
    let values = vec![
        start(search.from),
        start(search.to),
        Value::count(MAX_SUMS as u64 + 1),
    ];
    Statement::new(dialect, sql, values)
}

fn dimensions(search: &UsageSearch) -> impl Iterator<Item = Dimension> {
    let asked = |dimension: &Dimension| search.by.contains(dimension);
    Dimension::ALL.into_iter().filter(asked)
}

/// The answer out of the rows that `sums` asked for.
pub(crate) fn to_sums(
    search: &UsageSearch,
    rows: Vec<Vec<Value<'static>>>,
) -> Result<Sums, StoreError> {
    if rows.len() > MAX_SUMS {
        return Ok(Sums::TooMany);
    }
    let sums = rows.into_iter().map(|row| decode(search, row));
    let mut sums = sums.collect::<Result<Vec<_>, _>>()?;
    sums.sort_by(|a, b| (a.at, &a.names).cmp(&(b.at, &b.names)));
    Ok(Sums::All(sums))
}

fn decode(search: &UsageSearch, values: Vec<Value<'static>>) -> Result<Sum, StoreError> {
    let mut columns = vec!["at"];
    columns.extend(dimensions(search).map(column));
    columns.extend(&COLUMNS[SUMMED..]);
    let row = &mut Row::new(table(search.bucket), &columns, values);
    let at = time(row)?;
    let mut names = Vec::new();
    for dimension in dimensions(search) {
        names.push((dimension, Some(row.text()?).filter(|name| !name.is_empty())));
    }
    Ok(Sum {
        at,
        names,
        requests: row.number()?,
        usage: row.usage()?,
        cost: Nanos(row.number()?),
    })
}

/// The oldest hour of before `time` that there are sums of.
pub(crate) fn oldest_hour(dialect: Dialect, time: Timestamp) -> Statement<'static> {
    let table = table(Bucket::Hour);
    let sql = format!("SELECT at FROM {table} WHERE at < ? ORDER BY at LIMIT 1");
    Statement::new(dialect, sql, vec![before(time)])
}

/// Removes the sums of one hour.
pub(crate) fn remove_hour(dialect: Dialect, hour: Value<'static>) -> Step<'static> {
    let sql = format!("DELETE FROM {} WHERE at = ?", table(Bucket::Hour));
    Step {
        statement: Statement::new(dialect, sql, vec![hour]),
        changes: None,
    }
}

/// Only hours that are over by then.
fn before(time: Timestamp) -> Value<'static> {
    Bucket::Hour.start(time).as_microsecond().into()
}
