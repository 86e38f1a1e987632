//! Purses: what accounts were credited, have spent and have out on lease. Spending is added in the
//! transaction that adds its records, and kept when they are pruned.
//!
//! A transaction that changes leases holds the rows of their purses first, in the order of accounts,
//! so that nodes wait for each other instead of blocking each other.

use std::collections::BTreeMap;

use ledger::book::{Purse, key_account, user_account};
use ledger::lease::Ceiling;
use ledger::{Nanos, Record};

use super::batch::{self, Insert};
use super::usage::countable;
use super::{Dialect, Row, Statement, Step, Value, requests};
use crate::error::StoreError;

const TABLE: &str = "purses";
const COLUMNS: [&str; 4] = ["account", "credited", "spent", "leased"];
/// About the bytes of a row's account.
const ROW_BYTES: usize = 1 << 8;

const INSERT: Insert = Insert {
    table: TABLE,
    columns: &COLUMNS,
    conflict: |dialect| dialect.add(TABLE, "account", &["spent"]),
};

/// What each account pays, in the order of accounts.
pub(crate) type Costs<'a> = BTreeMap<Value<'a>, i64>;

/// What `records` cost their keys and their users.
pub(crate) fn costs(records: &[&Record]) -> Costs<'static> {
    let mut costs = Costs::new();
    for record in records {
        for account in [key_account(&record.token_id), user_account(&record.user)] {
            *costs.entry(Value::owned_account(account)).or_insert(0) += countable(record.cost);
        }
    }
    costs
}

/// Adds costs to what was spent. The rows are there and held then.
pub(crate) fn spend<'a>(dialect: Dialect, costs: Costs<'a>) -> Vec<Step<'a>> {
    let sizes = batch::sizes(std::iter::repeat_n(ROW_BYTES, costs.len()));
    let none = || Value::Int(0);
    let mut rows = costs
        .into_iter()
        .map(|(account, cost)| [account, none(), Value::Int(cost), none()]);
    let steps = sizes.into_iter().map(|size| Step {
        statement: INSERT.statement(dialect, size, rows.by_ref().take(size).flatten().collect()),
        changes: None,
    });
    steps.collect()
}

/// Holds the rows of these accounts, which are there then.
pub(crate) fn hold<'a>(
    dialect: Dialect,
    accounts: impl IntoIterator<Item = Value<'a>>,
) -> Vec<Step<'a>> {
    let nothing = accounts.into_iter().map(|account| (account, 0));
    spend(dialect, nothing.collect())
}

/// Changes what was credited to one account, as long as the sum stays in its range.
pub(crate) fn credit<'a>(dialect: Dialect, account: Value<'a>, amount: Nanos) -> Step<'a> {
    let least = i64::MIN.saturating_sub(amount.0.min(0));
    let most = i64::MAX.saturating_sub(amount.0.max(0));
    let sql = format!(
        "UPDATE {TABLE} SET credited = credited + ? \
         WHERE account = ? AND credited >= ? AND credited <= ?"
    );
    let values = vec![amount.0.into(), account, least.into(), most.into()];
    Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    }
}

/// Leases so much of one account, if it is still there to be leased.
pub(crate) fn lease<'a>(
    dialect: Dialect,
    account: Value<'a>,
    ceiling: Ceiling,
    amount: Nanos,
) -> Step<'a> {
    let (ceiling, most) = match ceiling {
        Ceiling::Credited => ("credited - ?", amount),
        Ceiling::Budget(budget) => ("?", budget.saturating_sub(amount)),
    };
    let sql = format!(
        "UPDATE {TABLE} SET leased = leased + ? WHERE account = ? AND {ceiling} >= spent + leased"
    );
    let values = vec![amount.0.into(), account, most.0.into()];
    Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    }
}

/// Takes so much off what is leased of one account, whose leases have it.
pub(crate) fn unlease<'a>(dialect: Dialect, account: Value<'a>, amount: Nanos) -> Step<'a> {
    let sql = format!("UPDATE {TABLE} SET leased = leased - ? WHERE account = ?");
    Step {
        statement: Statement::new(dialect, sql, vec![amount.0.into(), account]),
        changes: Some(1),
    }
}

/// Sums up the leases of these accounts again. Their purses have to be held since before the leases
/// were changed: then nobody else changes any of them.
pub(crate) fn recount<'a>(dialect: Dialect, accounts: Vec<Value<'a>>) -> Step<'a> {
    let accounts = requests::padded(accounts);
    let (sum, places) = (
        dialect.sum("leases.remaining"),
        requests::places(accounts.len()),
    );
    let sql = format!(
        "UPDATE {TABLE} SET leased = COALESCE(\
           (SELECT {sum} FROM leases WHERE leases.account = {TABLE}.account), 0) \
         WHERE account IN ({places})"
    );
    Step {
        statement: Statement::new(dialect, sql, accounts),
        changes: None,
    }
}

/// The purses of these accounts, of which there is at least one.
pub(crate) fn of<'a>(dialect: Dialect, accounts: &[Value<'a>]) -> Statement<'a> {
    let accounts = requests::padded(accounts.to_vec());
    let (columns, places) = (COLUMNS.join(", "), requests::places(accounts.len()));
    let sql = format!("SELECT {columns} FROM {TABLE} WHERE account IN ({places})");
    Statement::new(dialect, sql, accounts)
}

/// An account and its purse out of a row of `of`.
pub(crate) fn decode(values: Vec<Value<'static>>) -> Result<(String, Purse), StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    let account = row.text()?;
    Ok((account, purse(row)?))
}

pub(super) fn purse(row: &mut Row<'_>) -> Result<Purse, StoreError> {
    Ok(Purse {
        credited: Nanos(row.number()?),
        spent: Nanos(row.number()?),
        leased: Nanos(row.number()?),
    })
}
