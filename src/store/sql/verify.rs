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

const OF_NAME: [&str; 3] = ["name", "kept", "found"];
const OF_BUCKET: [&str; 4] = ["at", "token", "kept", "found"];

/// A check of a column of the purses against the rows that it sums up.
pub(crate) struct Check {
    /// Each account or token of the purses, and what they have.
    kept: &'static str,
    /// The same by the rows; `{cost}` is a record's cost as it is added to sums.
    found: &'static str,
    /// When `kept` and `found` differ.
    wrong: &'static str,
    subject: fn(String) -> Subject,
}

/// All of them. Not with LIKE 'key:%', by which MariaDB finds no account that goes on with an emoji.
pub(crate) const PURSES: [Check; 5] = [
    // Neither side is ever pruned, but only the days have keys by their names.
    Check {
        kept: "SELECT '' AS name, spent AS kept, 0 AS found FROM purses WHERE SUBSTR(account, 1, 4) = 'key:'",
        found: "SELECT '', 0, cost FROM usage_days",
        wrong: "<>",
        subject: |_| Subject::AllSpent,
    },
    // Less than the records there are say: older ones may be pruned.
    Check {
        kept: "SELECT SUBSTR(account, 5) AS name, spent AS kept, 0 AS found FROM purses \
               WHERE SUBSTR(account, 1, 4) = 'key:'",
        found: "SELECT token_id, 0, {cost} FROM requests",
        wrong: "<",
        subject: |token_id| Subject::Spent { token_id },
    },
    Check {
        kept: "SELECT SUBSTR(account, 6) AS name, spent AS kept, 0 AS found FROM purses \
               WHERE SUBSTR(account, 1, 5) = 'user:'",
        found: "SELECT user_name, 0, cost FROM usage_days",
        wrong: "<>",
        subject: |user| Subject::SpentBy { user },
    },
    Check {
        kept: "SELECT account AS name, credited AS kept, 0 AS found FROM purses",
        found: "SELECT credit, 0, amount FROM entries WHERE SUBSTR(credit, 1, 5) = 'user:' \
                UNION ALL SELECT debit, 0, -amount FROM entries WHERE SUBSTR(debit, 1, 5) = 'user:'",
        wrong: "<>",
        subject: |account| Subject::Credited { account },
    },
    Check {
        kept: "SELECT account AS name, leased AS kept, 0 AS found FROM purses",
        found: "SELECT account, 0, remaining FROM leases",
        wrong: "<>",
        subject: |account| Subject::Leased { account },
    },
];

impl Check {
    /// The names whose sums differ.
    pub(crate) fn statement(&self, dialect: Dialect) -> Statement<'static> {
        let (kept, found) = (dialect.sum("kept"), dialect.sum("found"));
        let rows = self.found.replace("{cost}", &countable());
        let sql = format!(
            "SELECT name, {kept}, {found} FROM ({} UNION ALL {rows}) AS sides \
             GROUP BY name HAVING SUM(kept) {} SUM(found) ORDER BY name LIMIT ?",
            self.kept, self.wrong
        );
        Statement::new(dialect, sql, vec![most()])
    }

    /// The difference out of a row.
    pub(crate) fn difference(&self, values: Vec<Value<'static>>) -> Result<Difference, StoreError> {
        let row = &mut Row::new("purses", &OF_NAME, values);
        let subject = (self.subject)(row.text()?);
        difference(subject, row)
    }
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
