//! What key holders are told, out of the store.

use std::sync::Arc;

use config::snapshot::Token;
use filters::{Statement, Unread};
use ledger::book::key_account;
use ledger::{Nanos, Record};
use store::{Search, Store};

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
        // Names are unique only among the keys of a user.
        let page = self.0.requests(&Search {
            token: Some(token.name.to_string()),
            token_id: Some(token.id.to_string()),
            limit,
            ..Search::default()
        })?;
        Ok(page.items)
    }
}
