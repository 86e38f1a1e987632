//! A key as clients see it.

use std::collections::HashMap;

use config::rows::KeyRow;
use config::snapshot::Token;
use jiff::Timestamp;
use ledger::Nanos;
use ledger::book::{Purse, key_account};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::effective;
use crate::said::object;
use crate::users::said;

/// A gateway key. Members that are not read-only are what is sent to make or to change one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    #[schema(read_only)]
    id: String,
    /// Its owner; cannot be changed.
    #[schema(required = false, example = "alice")]
    user: String,
    /// Unique among its owner's keys.
    #[schema(example = "laptop")]
    name: String,
    /// The key itself: only in the answer that makes it, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    key: Option<String>,
    /// Its first and last characters; null for keys of the files.
    #[schema(read_only, example = "sk-abcd…wxyz")]
    hint: Option<String>,
    /// `file` (read-only) or `store`.
    #[schema(read_only, value_type = String)]
    origin: &'static str,
    /// The group it uses; `auto` for several.
    #[schema(value_type = String, required = false, example = "default")]
    group: Value,
    /// Names or wildcards it may ask for; null: all.
    #[schema(value_type = Option<Vec<String>>, required = false)]
    models: Value,
    /// USD it may spend in all; null: any amount.
    #[schema(value_type = Option<String>, required = false, example = "25.000000000")]
    budget: Value,
    /// What its requests have cost, in USD.
    #[schema(read_only, value_type = String)]
    spent: Nanos,
    /// Of its budget; null without one.
    #[schema(read_only, value_type = Option<String>)]
    left: Option<Nanos>,
    /// When it stops working; null: never.
    #[schema(value_type = Option<String>, required = false, example = "2027-01-01T00:00:00Z")]
    expires_at: Value,
    /// Networks it may be used from; empty: any.
    #[schema(value_type = Vec<String>, required = false)]
    allow_ips: Value,
    /// `rpm`, `tpm`, `concurrency`, `enforce`.
    #[schema(value_type = Object, required = false)]
    limits: Value,
    /// A disabled key is refused like an unknown one.
    #[schema(value_type = bool, required = false)]
    enabled: Value,
    /// Until when the key it replaced goes on.
    #[schema(read_only)]
    previous_until: Option<Timestamp>,
    #[schema(read_only)]
    created_at: Option<Timestamp>,
    #[schema(read_only)]
    updated_at: Option<Timestamp>,
    /// What `ETag` says; 0 for keys of the files.
    #[schema(read_only)]
    revision: u64,
}

impl Key {
    /// A key of the store.
    pub(crate) fn stored(row: &KeyRow, purses: &HashMap<String, Purse>) -> Key {
        let settings = object(&row.settings);
        let purse = purses.get(&key_account(&row.id));
        let key = Key {
            id: row.id.clone(),
            user: row.user.clone(),
            name: row.name.clone(),
            hint: Some(row.hint.clone()),
            origin: "store",
            previous_until: row.previous.map(|previous| previous.until),
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
            revision: row.revision,
            ..Key::meaning(&settings)
        };
        key.with_spent(purse)
    }

    /// A key of the files.
    pub(crate) fn of_file(token: &Token, purses: &HashMap<String, Purse>) -> Key {
        let purse = purses.get(&key_account(&token.id));
        let key = Key {
            id: token.id.to_string(),
            user: token.user.to_string(),
            name: token.name.to_string(),
            ..Key::meaning(&effective::token(token))
        };
        key.with_spent(purse)
    }

    /// The same key with its secret, for once.
    pub(super) fn revealed(self, key: String) -> Key {
        Key {
            key: Some(key),
            ..self
        }
    }

    fn meaning(settings: &Map<String, Value>) -> Key {
        let said = |member, usual| said(settings, member, usual);
        Key {
            id: String::new(),
            user: String::new(),
            name: String::new(),
            key: None,
            hint: None,
            origin: "file",
            group: said("group", json!("default")),
            models: said("models", Value::Null),
            budget: said("budget", Value::Null),
            spent: Nanos::ZERO,
            left: None,
            expires_at: said("expires_at", Value::Null),
            allow_ips: said("allow_ips", json!([])),
            limits: said("limits", json!({})),
            enabled: said("enabled", json!(true)),
            previous_until: None,
            created_at: None,
            updated_at: None,
            revision: 0,
        }
    }

    fn with_spent(mut self, purse: Option<&Purse>) -> Key {
        let purse = purse.cloned().unwrap_or_default();
        let budget = serde_json::from_value::<Nanos>(self.budget.clone()).ok();
        self.left = budget.map(|budget| purse.left(budget));
        self.spent = purse.spent;
        self
    }
}

/// A budget is kept as the text that answers show; what is no amount stays for the check to refuse.
pub(super) fn tidy_budget(settings: &mut Map<String, Value>) {
    if let Some(budget) = settings.get_mut("budget")
        && let Ok(amount) = serde_json::from_value::<Nanos>(budget.clone())
    {
        *budget = json!(amount);
    }
}

/// The key as the audit log has it.
pub(super) fn told(row: &KeyRow) -> Value {
    let mut members = Map::new();
    members.insert("user".into(), json!(row.user));
    members.insert("name".into(), json!(row.name));
    members.insert("hint".into(), json!(row.hint));
    if let Some(previous) = row.previous {
        members.insert("previous_until".into(), json!(previous.until));
    }
    members.extend(object(&row.settings));
    Value::Object(members)
}
