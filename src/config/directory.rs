//! The users and keys of the store, as requests find them.

mod register;
mod shards;

use std::sync::Arc;

use jiff::Timestamp;

use crate::snapshot::{Token, User};

use self::shards::Shards;

pub(crate) use register::Register;

/// Users and keys; immutable, swapped whole.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    current: Shards<Caller>,
    /// Keys that were rotated away.
    former: Shards<Former>,
}

#[derive(Clone, Debug)]
struct Former {
    caller: Caller,
    /// From then on it is refused.
    until: Timestamp,
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
        // A key that is somebody's now is not somebody else's former one.
        if let Some(caller) = self.current.get(hash) {
            return Some(caller);
        }
        let former = self.former.get(hash)?;
        (now < former.until).then_some(&former.caller)
    }

    /// Every key once, in no order.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.current.values()
    }
}

#[cfg(test)]
mod tests;
