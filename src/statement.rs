//! What key holders are told, out of the store.

use std::sync::Arc;

use config::snapshot::Token;
use filters::{Statement, Unread};
use ledger::book::key_account;
use ledger::{Nanos, Record};
use serde::Deserialize;
use store::{DeedSearch, Search, Store, StoreError};

/// Changes of a key that are looked through for its former names, the newest.
const DEEDS: usize = 200;
/// Names under which a key's records are looked for: each is a question.
const NAMES: usize = 8;

/// The store, asked about one key.
pub(crate) struct Kept(pub(crate) Arc<dyn Store>);

impl Statement for Kept {
    fn spent(&self, token: &Token) -> Result<Nanos, Unread> {
        let account = key_account(&token.id);
        let purses = self.0.purses(&[&account])?;
        // A purse that is not there was never used.
        Ok(purses
            .into_iter()
            .next()
            .map_or(Nanos::ZERO, |(_, purse)| purse.spent))
    }

    fn newest(&self, token: &Token, limit: usize) -> Result<Vec<Record>, Unread> {
        let mut found = Vec::new();
        for name in self.names(token)? {
            // Names are unique only among the keys of a user.
            let page = self.0.requests(&Search {
                token: Some(name),
                token_id: Some(token.id.to_string()),
                limit,
                ..Search::default()
            })?;
            found.extend(page.items);
        }
        found.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        found.truncate(limit);
        Ok(found)
    }
}

/// What the audit log says of a key, as far as it matters here.
#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Kept {
    /// The names that the key has and had, as far back as the audit log goes. Records are found by names:
    /// an index by ids would cost every request, beside the one that operators' lists need.
    fn names(&self, token: &Token) -> Result<Vec<String>, StoreError> {
        let mut names = vec![token.name.to_string()];
        let deeds = self.0.deeds(&DeedSearch {
            subject: Some(format!("key:{}", token.id)),
            cursor: None,
            limit: DEEDS,
        })?;
        for was in deeds.items.iter().filter_map(|deed| deed.was.as_deref()) {
            match serde_json::from_str::<Named>(was) {
                Ok(Named { name }) if !names.contains(&name) => names.push(name),
                _ => {}
            }
        }
        names.truncate(NAMES);
        Ok(names)
    }
}
