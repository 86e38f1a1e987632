//! The users and keys of the store, as requests find them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::snapshot::{Token, User};

/// Users and keys; immutable, swapped whole.
#[derive(Debug, Default)]
pub struct Directory {
    callers: HashMap<[u8; 32], Caller>,
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
    /// The caller whose key has this SHA-256.
    pub fn caller(&self, hash: &[u8; 32]) -> Option<&Caller> {
        self.callers.get(hash)
    }
}
