//! Remembers the proofs of Gemini's calls for clients that do not send them back.
//!
//! Gemini 3 wants the proof of a call with the call's replay, and most chat clients drop the field
//! that carries it. What is kept here is a help and no promise: a proof that is gone, or lies at
//! another node, has a stand-in that Google takes.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proof is kept: calls are answered within minutes, agents pause for longer.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// Locks: one for so many callers that hardly two meet.
const SHARDS: usize = 16;
/// Bytes kept under one lock; the oldest go first. 32 MiB in all.
const MAX_SHARD_BYTES: usize = 2 * 1024 * 1024;
/// A proof, and an id, beyond which none is kept; Google's are a few KiB at most.
const MAX_PROOF_BYTES: usize = 64 * 1024;
const MAX_ID_BYTES: usize = 256;
/// What an entry costs beside its texts, which stand in it twice: by key and by age.
const ENTRY_BYTES: usize = 256;

/// Whose call it is, by the key it was asked with, and its id.
type Key = (Arc<str>, String);

/// The proofs of all callers.
#[derive(Default)]
pub(crate) struct Proofs {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    kept: HashMap<Key, (Instant, String)>,
    /// By age, oldest first; what was kept anew since stands in it twice.
    ages: VecDeque<(Instant, Key)>,
    bytes: usize,
}

impl Proofs {
    /// Keeps the proof of a call of that caller.
    pub(crate) fn keep(&self, caller: &Arc<str>, id: &str, proof: String, now: Instant) {
        if id.len() > MAX_ID_BYTES || proof.len() > MAX_PROOF_BYTES {
            return;
        }
        let key = (Arc::clone(caller), id.to_owned());
        let shard = self.shard(&key);
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.keep(key, proof, now);
    }

    /// The proof of a call of that caller.
    pub(crate) fn find(&self, caller: &Arc<str>, id: &str, now: Instant) -> Option<String> {
        let key = (Arc::clone(caller), id.to_owned());
        let shard = self.shard(&key);
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, proof) = shard.kept.get(&key)?;
        (now.duration_since(*at) < KEPT_FOR).then(|| proof.clone())
    }

    fn shard(&self, key: &Key) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl Shard {
    fn keep(&mut self, key: Key, proof: String, now: Instant) {
        self.bytes += weight(&key, &proof);
        self.ages.push_back((now, key.clone()));
        if let Some((_, before)) = self.kept.insert(key.clone(), (now, proof)) {
            self.bytes -= before.len();
        }
        while let Some((at, _)) = self.ages.front()
            && (self.bytes > MAX_SHARD_BYTES || now.duration_since(*at) >= KEPT_FOR)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((at, key)) = self.ages.pop_front() else {
            return;
        };
        self.bytes -= weight(&key, "");
        // One that was kept anew is younger than that.
        if self.kept.get(&key).is_some_and(|(kept, _)| *kept == at)
            && let Some((_, proof)) = self.kept.remove(&key)
        {
            self.bytes -= proof.len();
        }
    }
}

fn weight((caller, id): &Key, proof: &str) -> usize {
    ENTRY_BYTES + caller.len() + 2 * id.len() + proof.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Arc<str> {
        name.into()
    }

    #[test]
    fn a_proof_is_found_by_its_own_caller_for_its_time() {
        let (proofs, now) = (Proofs::default(), Instant::now());
        proofs.keep(&caller("a"), "call_1", "S".to_owned(), now);
        let found = |who: &str, id, at| proofs.find(&caller(who), id, at);
        assert_eq!(found("a", "call_1", now).as_deref(), Some("S"));
        assert_eq!(found("b", "call_1", now), None, "nobody else's");
        assert_eq!(found("a", "call_2", now), None);
        assert_eq!(found("a", "call_1", now + KEPT_FOR), None);
        proofs.keep(&caller("a"), "call_1", "T".to_owned(), now);
        assert_eq!(
            found("a", "call_1", now).as_deref(),
            Some("T"),
            "the last counts"
        );
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let mut shard = Shard::default();
        let start = Instant::now();
        let key = |n: u64| (caller("a"), format!("call_{n}"));
        for n in 0..1_000 {
            let now = start + Duration::from_millis(n);
            shard.keep(key(n), "x".repeat(MAX_PROOF_BYTES / 8), now);
            shard.keep(key(0), "y".to_owned(), now);
            assert!(shard.bytes <= MAX_SHARD_BYTES);
        }
        assert!(shard.kept.contains_key(&key(999)));
        assert!(shard.kept.contains_key(&key(0)), "it was kept anew");
        assert!(!shard.kept.contains_key(&key(1)));
        let later = start + Duration::from_secs(1) + KEPT_FOR;
        shard.keep(key(7), "z".to_owned(), later);
        assert_eq!((shard.kept.len(), shard.ages.len()), (1, 1));
        assert_eq!(shard.bytes, weight(&key(7), "z"));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let (proofs, now) = (Proofs::default(), Instant::now());
        proofs.keep(&caller("a"), "x", "S".repeat(MAX_PROOF_BYTES + 1), now);
        let id = "x".repeat(MAX_ID_BYTES + 1);
        proofs.keep(&caller("a"), &id, "S".to_owned(), now);
        assert_eq!(proofs.find(&caller("a"), "x", now), None);
        assert_eq!(proofs.find(&caller("a"), &id, now), None);
    }
}
