//! The users and keys of the store, as requests find them.

mod register;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::snapshot::{Token, User};

pub(crate) use register::Register;

/// Users and keys; immutable, swapped whole.
#[derive(Debug, Default)]
pub struct Directory {
    callers: HashMap<[u8; 32], Entry>,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    /// When a key that was rotated away ends; `None`: it was not.
    until: Option<Timestamp>,
}

/// Who a key belongs to, and what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key.
    pub token: Arc<Token>,
    /// Its owner; `None` for keys of the configuration.
    pub user: Option<Arc<User>>,
}

impl Directory {
    /// The caller whose key has this SHA-256, if the key is one at `now`.
    pub fn caller(&self, hash: &[u8; 32], now: Timestamp) -> Option<&Caller> {
        let entry = self.callers.get(hash)?;
        let goes_on = entry.until.is_none_or(|until| now < until);
        goes_on.then_some(&entry.caller)
    }

    /// Every key once, in no order.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        let current = self.callers.values().filter(|entry| entry.until.is_none());
        current.map(|entry| &entry.caller)
    }
}

#[cfg(test)]
mod tests;
