//! Small questions a request asks the snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::snapshot::{Snapshot, Token};

impl Snapshot {
    /// The token of a gateway key. The key is hashed first, so that the look-up's time says
    /// nothing about how much of a guess was right.
    pub fn token(&self, key: &str) -> Option<&Arc<Token>> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.tokens.get(&hash)
    }

    /// The token of that name.
    pub fn token_named(&self, name: &str) -> Option<&Arc<Token>> {
        self.tokens.values().find(|token| *token.name == *name)
    }

    /// Every model name the configuration writes out: a bounded set, fit for metric labels.
    pub fn model_names(&self) -> BTreeSet<&str> {
        self.channels
            .iter()
            .flat_map(|channel| {
                let exact = channel.models.iter().filter(|pattern| pattern.is_exact());
                exact
                    .map(|pattern| pattern.as_str())
                    .chain(channel.model_map.keys().map(String::as_str))
            })
            .chain(self.prices.names())
            .collect()
    }
}
