//! A map by SHA-256 whose copies share what does not change: with one key changed of a hundred thousand,
//! a copy has some hundred entries of its own.

use std::collections::HashMap;
use std::sync::Arc;

/// Parts of the map: few enough to copy the list of them, many enough that each is small.
const SHARDS: usize = 512;

type Hash = [u8; 32];

/// The map.
#[derive(Clone, Debug)]
pub(super) struct Shards<T>(Box<[Arc<HashMap<Hash, T>>]>);

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Shards((0..SHARDS).map(|_| Arc::default()).collect())
    }
}

impl<T: Clone> Shards<T> {
    pub(super) fn get(&self, hash: &Hash) -> Option<&T> {
        self.0[shard(hash)].get(hash)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|shard| shard.values())
    }

    pub(super) fn insert(&mut self, hash: Hash, value: T) {
        Arc::make_mut(&mut self.0[shard(&hash)]).insert(hash, value);
    }

    pub(super) fn remove_if(&mut self, hash: &Hash, goes: impl FnOnce(&T) -> bool) {
        let shard = &mut self.0[shard(hash)];
        if shard.get(hash).is_some_and(goes) {
            Arc::make_mut(shard).remove(hash);
        }
    }
}

/// Every bit of a hash is as good as any other.
fn shard(hash: &Hash) -> usize {
    usize::from(u16::from_le_bytes([hash[0], hash[1]])) % SHARDS
}
