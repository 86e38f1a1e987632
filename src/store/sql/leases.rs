//! Leases: what a node has taken of a purse. Every change but that of their time holds the purse first.

use ledger::Nanos;
use ledger::book::Purse;

use super::purses::{self, Costs};
use super::{Dialect, Row, Statement, Step, Value, requests};
use crate::error::StoreError;
use crate::leases::LEASE_TERM;

const TABLE: &str = "leases";
/// Leases that one statement takes costs off: it compares each row with each of them.
const CHARGED: usize = 64;
/// Accounts whose leases are freed in one transaction.
pub(crate) const FREED: u64 = 64;

/// Whose leases are freed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Free<'a> {
    /// Those of a node that is no more.
    Of(&'a str),
    /// Those of nodes that were not heard of for a term.
    Expired,
}

/// One account's purse, and what the node has leased of it.
pub(crate) fn beside<'a>(dialect: Dialect, node: &'a str, account: Value<'a>) -> Statement<'a> {
    let sql = format!(
        "SELECT credited, spent, leased, COALESCE(remaining, 0) FROM purses \
         LEFT JOIN {TABLE} ON {TABLE}.account = purses.account AND {TABLE}.node = ? \
         WHERE purses.account = ?"
    );
    Statement::new(dialect, sql, vec![Value::name(node), account])
}

/// What `beside` asked for.
pub(crate) fn to_beside(values: Vec<Value<'static>>) -> Result<(Purse, Nanos), StoreError> {
    let columns = ["credited", "spent", "leased", "remaining"];
    let row = &mut Row::new(TABLE, &columns, values);
    Ok((purses::purse(row)?, Nanos(row.number()?)))
}

/// Adds to the node's lease of an account, which begins its term anew.
pub(crate) fn add<'a>(
    dialect: Dialect,
    node: &'a str,
    account: Value<'a>,
    amount: Nanos,
) -> Step<'a> {
    let end = end(dialect);
    let conflict = match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!(
            "ON CONFLICT (node, account) DO UPDATE SET \
             remaining = {TABLE}.remaining + excluded.remaining, expires_at = excluded.expires_at"
        ),
        Dialect::MySql => "ON DUPLICATE KEY UPDATE \
             remaining = remaining + VALUES(remaining), expires_at = VALUES(expires_at)"
            .to_owned(),
    };
    let sql = format!(
        "INSERT INTO {TABLE} (node, account, remaining, expires_at) VALUES (?, ?, ?, {end}) {conflict}"
    );
    let values = vec![Value::name(node), account, amount.0.into()];
    step(dialect, sql, values, None)
}

/// Takes an amount off the node's lease of an account, which has to have it.
pub(crate) fn take<'a>(
    dialect: Dialect,
    node: &'a str,
    account: Value<'a>,
    amount: Nanos,
) -> Step<'a> {
    let sql = format!(
        "UPDATE {TABLE} SET remaining = remaining - ? \
         WHERE node = ? AND account = ? AND remaining >= ?"
    );
    let amount = || Value::Int(amount.0);
    let values = vec![amount(), Value::name(node), account, amount()];
    step(dialect, sql, values, Some(1))
}

/// The leases of the node go on. Those that have nothing left do not: they end in their time.
pub(crate) fn renew(dialect: Dialect, node: &str) -> Step<'_> {
    let end = end(dialect);
    let sql = format!("UPDATE {TABLE} SET expires_at = {end} WHERE node = ? AND remaining > 0");
    step(dialect, sql, vec![Value::name(node)], None)
}

/// What the node has.
pub(crate) fn of(dialect: Dialect, node: &str) -> Statement<'_> {
    let sql = format!(
        "SELECT account, remaining FROM {TABLE} WHERE node = ? AND remaining > 0 ORDER BY account"
    );
    Statement::new(dialect, sql, vec![Value::name(node)])
}

/// An account and what the node has of it, out of a row of `of`.
pub(crate) fn decode(values: Vec<Value<'static>>) -> Result<(String, Nanos), StoreError> {
    let row = &mut Row::new(TABLE, &["account", "remaining"], values);
    Ok((row.text()?, Nanos(row.number()?)))
}

/// Which of these accounts, of which there is at least one, the node has leases of.
pub(crate) fn among<'a>(
    dialect: Dialect,
    node: &'a str,
    accounts: Vec<Value<'a>>,
) -> Statement<'a> {
    let accounts = requests::padded(accounts);
    let places = requests::places(accounts.len());
    let sql = format!("SELECT account FROM {TABLE} WHERE node = ? AND account IN ({places})");
    let values = [vec![Value::name(node)], accounts].concat();
    Statement::new(dialect, sql, values)
}

/// Takes costs off the node's leases, each as far as it goes. Their purses are held.
pub(crate) fn charge<'a>(dialect: Dialect, node: &'a str, costs: &Costs<'a>) -> Vec<Step<'a>> {
    let costs: Vec<_> = costs.iter().filter(|(_, cost)| **cost > 0).collect();
    let steps = costs.chunks(CHARGED).flat_map(|costs| {
        let accounts: Vec<_> = costs
            .iter()
            .map(|(account, _)| (*account).clone())
            .collect();
        let charged = charge_some(dialect, node, costs);
        [charged, purses::recount(dialect, accounts)]
    });
    steps.collect()
}

fn charge_some<'a>(dialect: Dialect, node: &'a str, costs: &[(&Value<'a>, &i64)]) -> Step<'a> {
    // As many cases as accounts in the list: one text for each power of two.
    let count = costs.len().next_power_of_two();
    let padded = || {
        costs
            .iter()
            .chain(costs.last().into_iter().cycle())
            .take(count)
    };
    let cost = format!(
        "CASE account{} ELSE 0 * remaining END",
        " WHEN ? THEN ?".repeat(count)
    );
    let left = dialect.greater(&format!("remaining - {cost}"), "0");
    let places = requests::places(count);
    let sql =
        format!("UPDATE {TABLE} SET remaining = {left} WHERE node = ? AND account IN ({places})");
    let cases = padded().flat_map(|(account, cost)| [(*account).clone(), Value::Int(**cost)]);
    let accounts = padded().map(|(account, _)| (*account).clone());
    let values = cases.chain([Value::name(node)]).chain(accounts);
    step(dialect, sql, values.collect(), None)
}

/// Some accounts of which there are leases to be freed, and how many.
pub(crate) fn to_free<'a>(dialect: Dialect, which: Free<'a>) -> Statement<'a> {
    let (condition, value) = which.condition(dialect);
    let sql = format!(
        "SELECT account, COUNT(*) FROM {TABLE} WHERE {condition} \
         GROUP BY account ORDER BY account LIMIT {FREED}"
    );
    Statement::new(dialect, sql, value.into_iter().collect())
}

/// An account and how many of its leases are to be freed, out of a row of `to_free`.
pub(crate) fn to_freed(values: Vec<Value<'static>>) -> Result<(Value<'static>, u64), StoreError> {
    let row = &mut Row::new(TABLE, &["account", "count"], values);
    Ok((Value::Text(row.text()?.into()), row.number()?))
}

/// Frees leases of these accounts, whose purses are held: as many as were found, or the transaction
/// is to be undone.
pub(crate) fn free<'a>(
    dialect: Dialect,
    which: Free<'a>,
    accounts: Vec<Value<'a>>,
    count: u64,
) -> Step<'a> {
    let (condition, value) = which.condition(dialect);
    let accounts = requests::padded(accounts);
    let places = requests::places(accounts.len());
    let sql = format!("DELETE FROM {TABLE} WHERE {condition} AND account IN ({places})");
    let values = value.into_iter().chain(accounts).collect();
    step(dialect, sql, values, Some(count))
}

impl<'a> Free<'a> {
    fn condition(self, dialect: Dialect) -> (String, Option<Value<'a>>) {
        match self {
            Free::Of(node) => ("node = ?".to_owned(), Some(Value::name(node))),
            Free::Expired => (format!("expires_at < {}", dialect.now()), None),
        }
    }
}

/// When a term ends that begins now.
fn end(dialect: Dialect) -> String {
    format!("{} + {}", dialect.now(), LEASE_TERM.as_micros())
}

fn step<'a>(
    dialect: Dialect,
    sql: String,
    values: Vec<Value<'a>>,
    changes: Option<u64>,
) -> Step<'a> {
    Step {
        statement: Statement::new(dialect, sql, values),
        changes,
    }
}
