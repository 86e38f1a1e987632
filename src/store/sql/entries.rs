//! Entries: money that moved by somebody's word, never changed afterwards.

use jiff::Timestamp;
use ledger::Nanos;
use ledger::book::{Entry, Kind, user_account};

use super::requests::{places, time};
use super::{Dialect, Row, Statement, Step, Value};
use crate::accounts::MAX_ROWS;
use crate::book::{EntryPage, EntrySearch};
use crate::error::StoreError;
use crate::search::Cursor;

const TABLE: &str = "entries";
const COLUMNS: [&str; 8] = [
    "id", "at", "kind", "debit", "credit", "amount", "author", "note",
];
/// What makes two entries with the same id the same.
const MEANING: [&str; 4] = ["kind", "debit", "credit", "amount"];

/// Adds an entry of a user that there is, under an id that is new, or the transaction is to be undone.
pub(crate) fn insert<'a>(dialect: Dialect, entry: &'a Entry) -> Step<'a> {
    let [kind, debit, credit, amount] = meaning(entry);
    let values = vec![
        Value::name(&entry.id),
        entry.at.as_microsecond().into(),
        kind,
        debit,
        credit,
        amount,
        Value::name(&entry.author),
        Value::text(&entry.note),
        Value::name(&entry.user),
    ];
    let (columns, places) = (COLUMNS.join(", "), places(COLUMNS.len()));
    let keep = dialect.keep("id");
    let sql = format!(
        "INSERT INTO {TABLE} ({columns}) SELECT {places} FROM users \
         WHERE name = ? AND deleted_at = 0{keep}"
    );
    Step {
        statement: Statement::new(dialect, sql, values),
        changes: Some(1),
    }
}

/// What the entry with this id means.
pub(crate) fn by_id(dialect: Dialect, id: &str) -> Statement<'_> {
    let sql = format!("SELECT {} FROM {TABLE} WHERE id = ?", MEANING.join(", "));
    Statement::new(dialect, sql, vec![Value::name(id)])
}

/// The entry with this id.
pub(crate) fn whole(dialect: Dialect, id: &str) -> Statement<'_> {
    let sql = format!("SELECT {} FROM {TABLE} WHERE id = ?", COLUMNS.join(", "));
    Statement::new(dialect, sql, vec![Value::name(id)])
}

/// What an entry means, as `by_id` tells it.
pub(crate) fn meaning(entry: &Entry) -> [Value<'static>; MEANING.len()] {
    let (debit, credit, amount) = entry.sides();
    [
        Value::name(entry.kind.as_str()),
        Value::owned_account(debit),
        Value::owned_account(credit),
        amount.0.into(),
    ]
}

/// Whether there is a user of this name, not deleted.
pub(crate) fn user(dialect: Dialect, name: &str) -> Statement<'_> {
    let sql = "SELECT 1 FROM users WHERE name = ? AND deleted_at = 0".to_owned();
    Statement::new(dialect, sql, vec![Value::name(name)])
}

/// A page and one entry more, which says whether there is a next page.
pub(crate) fn page(dialect: Dialect, search: &EntrySearch) -> Statement<'_> {
    let mut values = Vec::new();
    let Some(user) = &search.user else {
        let sql = side(None, search, &mut values);
        return Statement::new(dialect, sql, values);
    };
    // No entry has the user on both sides. Each half walks its own index and ends after a page.
    let account = Value::owned_account(user_account(user));
    let [debits, credits] = ["debit", "credit"]
        .map(|column| side(Some((column, account.clone())), search, &mut values));
    let sql = format!(
        "SELECT * FROM ({debits}) AS debits UNION ALL SELECT * FROM ({credits}) AS credits \
         ORDER BY at DESC, id DESC LIMIT ?"
    );
    values.push(limit(search));
    Statement::new(dialect, sql, values)
}

fn side<'a>(
    account: Option<(&str, Value<'a>)>,
    search: &'a EntrySearch,
    values: &mut Vec<Value<'a>>,
) -> String {
    let mut conditions = Vec::new();
    if let Some((column, account)) = account {
        conditions.push(format!("{column} = ?"));
        values.push(account);
    }
    if let Some(cursor) = &search.cursor {
        // As in the list of requests: the first half lets every database begin at the right place.
        conditions.push("at <= ? AND (at < ? OR id < ?)".to_owned());
        values.extend([cursor.at_us.into(), cursor.at_us.into()]);
        values.push(Value::name(&cursor.id));
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    values.push(limit(search));
    let columns = COLUMNS.join(", ");
    format!("SELECT {columns} FROM {TABLE}{filter} ORDER BY at DESC, id DESC LIMIT ?")
}

fn limit(search: &EntrySearch) -> Value<'static> {
    Value::count(page_size(search) as u64 + 1)
}

fn page_size(search: &EntrySearch) -> usize {
    search.limit.clamp(1, MAX_ROWS)
}

/// The page out of the rows that `page` asked for.
pub(crate) fn to_page(
    search: &EntrySearch,
    rows: Vec<Vec<Value<'static>>>,
) -> Result<EntryPage, StoreError> {
    let more = rows.len() > page_size(search);
    let rows = rows.into_iter().take(page_size(search));
    let items = rows.map(decode).collect::<Result<Vec<_>, _>>()?;
    let next = items.last().filter(|_| more).map(|entry| Cursor {
        at_us: entry.at.as_microsecond(),
        id: entry.id.clone(),
    });
    Ok(EntryPage { items, next })
}

/// One row of it.
pub(crate) fn decode(values: Vec<Value<'static>>) -> Result<Entry, StoreError> {
    let row = &mut Row::new(TABLE, &COLUMNS, values);
    let (id, at): (String, Timestamp) = (row.text()?, time(row)?);
    let kind: Kind = row.name()?;
    let (debit, credit) = (row.text()?, row.text()?);
    let (user, amount) = row.read(|amount| match amount {
        Value::Int(amount) => of_user(&debit, &credit, amount),
        _ => None,
    })?;
    Ok(Entry {
        id,
        at,
        kind,
        user,
        amount,
        author: row.text()?,
        note: row.text()?,
    })
}

/// Whose balance changes, and by how much.
fn of_user(debit: &str, credit: &str, amount: i64) -> Option<(String, Nanos)> {
    let user = |account: &str| account.strip_prefix("user:").map(str::to_owned);
    match user(credit) {
        Some(user) => Some((user, Nanos(amount))),
        None => user(debit).map(|user| (user, Nanos(-amount))),
    }
}
