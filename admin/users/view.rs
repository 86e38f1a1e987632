//! A user as clients see it.

use std::collections::HashMap;

use config::rows::UserRow;
use jiff::Timestamp;
use ledger::Nanos;
use ledger::book::{Purse, user_account};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::said::object;
use crate::state::AdminState;

/// A user. Members that are not read-only are what is sent to make or to change one.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    /// 1 to 64 visible characters without `/`; unique for ever.
    #[schema(example = "alice")]
    name: String,
    /// `admin` or `user`.
    #[schema(value_type = String, required = false, example = "user")]
    role: Value,
    /// Which groups the keys may use, and at which ratio.
    #[schema(value_type = String, required = false, example = "default")]
    group: Value,
    /// Keys of a disabled user are refused.
    #[schema(value_type = bool, required = false)]
    enabled: Value,
    /// The balance does not bound it.
    #[schema(value_type = bool, required = false)]
    unlimited: Value,
    /// `rpm`, `tpm`, `concurrency`, `enforce`: of all keys together.
    #[schema(value_type = Object, required = false)]
    limits: Value,
    /// In words, for operators.
    #[schema(value_type = String, required = false)]
    note: Value,
    #[schema(read_only)]
    balance: Balance,
    #[schema(read_only)]
    created_at: Timestamp,
    #[schema(read_only)]
    updated_at: Timestamp,
    /// What `ETag` says.
    #[schema(read_only)]
    revision: u64,
}

/// Money of a user, in USD.
#[derive(Serialize, ToSchema)]
pub(crate) struct Balance {
    /// The sum of the entries.
    #[schema(value_type = String, example = "25.000000000")]
    credited: Nanos,
    /// What requests have cost in all.
    #[schema(value_type = String, example = "0.005600000")]
    spent: Nanos,
    /// Credited and not spent; less than zero when requests cost more than they held.
    #[schema(value_type = String, example = "24.994400000")]
    left: Nanos,
    /// What nodes have taken of it and not spent.
    #[schema(value_type = String, example = "1.000000000")]
    leased: Nanos,
}

impl From<&Purse> for Balance {
    fn from(purse: &Purse) -> Self {
        Balance {
            credited: purse.credited,
            spent: purse.spent,
            left: purse.left(purse.credited),
            leased: purse.leased,
        }
    }
}

impl User {
    /// `purses` as `purses` reads them.
    pub(crate) fn new(row: &UserRow, purses: &HashMap<String, Purse>) -> User {
        let settings = object(&row.settings);
        let purse = purses.get(&user_account(&row.name));
        let said = |member, usual| said(&settings, member, usual);
        User {
            name: row.name.clone(),
            role: said("role", json!("user")),
            group: said("group", json!("default")),
            enabled: said("enabled", json!(true)),
            unlimited: said("unlimited", json!(false)),
            limits: said("limits", json!({})),
            note: said("note", json!("")),
            balance: Balance::from(purse.unwrap_or(&Purse::default())),
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }
}

/// What settings say, or what they mean by saying nothing.
pub(crate) fn said(settings: &Map<String, Value>, member: &str, usual: Value) -> Value {
    settings.get(member).cloned().unwrap_or(usual)
}

/// The user as the audit log has it.
pub(super) fn told(row: &UserRow) -> Value {
    let mut members = Map::from_iter([("name".to_owned(), json!(row.name))]);
    members.extend(object(&row.settings));
    Value::Object(members)
}

/// The purses of users, by their accounts.
pub(crate) fn purses<'a>(
    state: &AdminState,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, Purse>, Problem> {
    purses_of(state, names.into_iter().map(user_account))
}

/// The purses of accounts.
pub(crate) fn purses_of(
    state: &AdminState,
    accounts: impl Iterator<Item = String>,
) -> Result<HashMap<String, Purse>, Problem> {
    let accounts: Vec<String> = accounts.collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(state.store.purses(&accounts)?.into_iter().collect())
}
