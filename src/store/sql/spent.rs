//! What each token has spent: added to in the transaction that adds its records, and kept when they
//! are pruned.

use std::collections::BTreeMap;

use ledger::{Nanos, Record};

use super::batch::{self, Insert};
use super::usage::countable;
use super::{Dialect, Row, Statement, Step, Value, requests};
use crate::error::StoreError;

const TABLE: &str = "spent";
const COLUMNS: [&str; 2] = ["token_id", "cost"];
/// About the bytes of a row's id.
const ROW_BYTES: usize = 1 << 8;

const INSERT: Insert = Insert {
    table: TABLE,
    columns: &COLUMNS,
    conflict: |dialect| dialect.add(TABLE, "token_id", &COLUMNS[1..]),
};

/// Adds what `records` cost, in the order of ids, so that two nodes that add at once wait for each
/// other instead of blocking each other.
pub(crate) fn add<'a>(dialect: Dialect, records: &[&'a Record]) -> Vec<Step<'a>> {
    let mut sums: BTreeMap<Value<'a>, i64> = BTreeMap::new();
    for record in records {
        *sums.entry(Value::name(&record.token_id)).or_insert(0) += countable(record.cost);
    }
    let sizes = batch::sizes(std::iter::repeat_n(ROW_BYTES, sums.len()));
    let mut rows = sums.into_iter().map(|(id, cost)| [id, Value::Int(cost)]);
    let steps = sizes.into_iter().map(|size| Step {
        statement: INSERT.statement(dialect, size, rows.by_ref().take(size).flatten().collect()),
        changes: None,
    });
    steps.collect()
}

/// The sums of these tokens, of which there is at least one.
pub(crate) fn of<'a>(dialect: Dialect, token_ids: &[&'a str]) -> Statement<'a> {
    let ids = requests::padded(token_ids.iter().map(|id| Value::name(id)).collect());
    let places = requests::places(ids.len());
    let sql = format!("SELECT token_id, cost FROM {TABLE} WHERE token_id IN ({places})");
    Statement::new(dialect, sql, ids)
}

/// A token's id and its sum out of a row of `of`.
pub(crate) fn decode(values: Vec<Value<'static>>) -> Result<(String, Nanos), StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    Ok((row.text()?, Nanos(row.number()?)))
}
