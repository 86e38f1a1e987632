//! Recomputes the sums that are kept and finds those that differ. Each check is one statement, so
//! that the database answers it of one moment, whoever writes meanwhile.

use jiff::Timestamp;
use ledger::Nanos;

use super::requests::time;
use super::usage::{MAX_COST, table};
use super::{Dialect, Row, Statement, Value};
use crate::error::StoreError;
use crate::usage::Bucket;
use crate::verify::{Difference, MAX_DIFFERENCES, Subject};

const ALL: [&str; 2] = ["kept", "found"];
const OF_TOKEN: [&str; 3] = ["token_id", "kept", "found"];
const OF_BUCKET: [&str; 4] = ["at", "token", "kept", "found"];

/// What all tokens have spent, beside what was used by the day: neither is ever pruned.
pub(crate) fn all_spent(dialect: Dialect) -> Statement<'static> {
    let (kept, found) = (dialect.sum("kept"), dialect.sum("found"));
    let sql = format!(
        "SELECT {kept}, {found} FROM (\
           SELECT 1 AS one, cost AS kept, 0 AS found FROM spent \
           UNION ALL SELECT 1, 0, cost FROM usage_days\
         ) AS sides GROUP BY one HAVING SUM(kept) <> SUM(found)"
    );
    Statement::new(dialect, sql, Vec::new())
}

/// Tokens that have spent less than the records there are say: older ones may be pruned.
pub(crate) fn spent(dialect: Dialect) -> Statement<'static> {
    let (kept, found) = (dialect.sum("kept"), dialect.sum("found"));
    let cost = countable();
    let sql = format!(
        "SELECT token_id, {kept}, {found} FROM (\
           SELECT token_id, cost AS kept, 0 AS found FROM spent \
           UNION ALL SELECT token_id, 0, {cost} FROM requests\
         ) AS sides GROUP BY token_id HAVING SUM(kept) < SUM(found) ORDER BY token_id LIMIT ?"
    );
    Statement::new(dialect, sql, vec![most()])
}

/// Hours, or days, of tokens whose use is not what the records since `from` say.
pub(crate) fn used(dialect: Dialect, bucket: Bucket, from: Timestamp) -> Statement<'static> {
    let (kept, found) = (dialect.sum("kept"), dialect.sum("found"));
    let (table, width, cost) = (table(bucket), bucket.us(), countable());
    let sql = format!(
        "SELECT at, token, {kept}, {found} FROM (\
           SELECT at, token, cost AS kept, 0 AS found FROM {table} WHERE at >= ? \
           UNION ALL SELECT at - at % {width}, token, 0, {cost} FROM requests WHERE at >= ?\
         ) AS sides GROUP BY at, token HAVING SUM(kept) <> SUM(found) ORDER BY at, token LIMIT ?"
    );
    let from = || Value::Int(bucket.end(from).as_microsecond());
    Statement::new(dialect, sql, vec![from(), from(), most()])
}

/// A record's cost as it is added to sums.
fn countable() -> String {
    format!(
        "CASE WHEN cost > {MAX_COST} THEN {MAX_COST} WHEN cost < -{MAX_COST} THEN -{MAX_COST} ELSE cost END"
    )
}

fn most() -> Value<'static> {
    Value::count(MAX_DIFFERENCES as u64)
}

/// The difference out of a row of `all_spent`.
pub(crate) fn of_all(values: Vec<Value<'static>>) -> Result<Difference, StoreError> {
    let row = &mut Row::new("spent", &ALL, values);
    difference(Subject::AllSpent, row)
}

/// The difference out of a row of `spent`.
pub(crate) fn of_token(values: Vec<Value<'static>>) -> Result<Difference, StoreError> {
    let row = &mut Row::new("spent", &OF_TOKEN, values);
    let subject = Subject::Spent {
        token_id: row.text()?,
    };
    difference(subject, row)
}

/// The difference out of a row of `used`.
pub(crate) fn of_bucket(
    bucket: Bucket,
    values: Vec<Value<'static>>,
) -> Result<Difference, StoreError> {
    let row = &mut Row::new(table(bucket), &OF_BUCKET, values);
    let subject = Subject::Used {
        bucket,
        at: time(row)?,
        token: row.text()?,
    };
    difference(subject, row)
}

fn difference(subject: Subject, row: &mut Row<'_>) -> Result<Difference, StoreError> {
    Ok(Difference {
        subject,
        kept: Nanos(row.number()?),
        found: Nanos(row.number()?),
    })
}
