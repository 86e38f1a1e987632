//! Counters of one process.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::window::Window;
use super::{Admission, Bound, Breach, Counters, Entry, Kind, Left, Scope, Standing};

/// Subjects that are kept; beyond this, those at rest are forgotten, once a second: looking through
/// all of them takes about a millisecond, which no request should cost while none is at rest.
const MAX_IDLE_SUBJECTS: usize = 16_384;

/// Room for the next request is looked for after this long when only concurrency is short.
const CONCURRENCY_RETRY: Duration = Duration::from_secs(1);

/// Counts in memory, under one short lock: a request is admitted under all its bounds or none,
/// and no refusal ever stands in another request's way.
#[derive(Debug)]
pub struct Memory {
    begun: Instant,
    /// The second in which subjects at rest were last looked for.
    swept: AtomicU64,
    subjects: Mutex<HashMap<(Scope, Arc<str>), Subject>>,
}

#[derive(Debug)]
struct Subject {
    requests: Window,
    tokens: Window,
    /// Requests inside.
    inside: HashSet<Arc<str>>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            begun: Instant::now(),
            swept: AtomicU64::new(0),
            subjects: Mutex::default(),
        }
    }
}

#[async_trait]
impl Counters for Memory {
    async fn enter(&self, entry: &Entry) -> Admission {
        self.enter_at(entry, self.second())
    }

    fn leave(&self, entry: &Entry, at: u64, used: Option<u64>) {
        self.leave_at(entry, at, used, self.second());
    }
}

impl Memory {
    /// A minute behind zero, so that the first second is like any other.
    fn second(&self) -> u64 {
        super::WINDOW.as_secs() + self.begun.elapsed().as_secs()
    }

    fn subjects(&self) -> MutexGuard<'_, HashMap<(Scope, Arc<str>), Subject>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter_at(&self, entry: &Entry, now: u64) -> Admission {
        let mut subjects = self.subjects();
        if subjects.len() > MAX_IDLE_SUBJECTS && self.swept.swap(now, Ordering::Relaxed) != now {
            subjects.retain(|_, subject| !subject.is_at_rest(now));
        }
        let (mut refused, mut shadowed) = (None::<Breach>, Vec::new());
        for bound in &entry.bounds {
            let key = (bound.scope, Arc::clone(&bound.subject));
            let subject = subjects.entry(key).or_insert_with(Subject::new);
            subject.advance(now);
            let Some(breach) = subject.breach(bound, entry.tokens) else {
                continue;
            };
            if bound.limits.shadow {
                shadowed.push(breach);
            } else if refused.is_none_or(|worst| breach.retry_after > worst.retry_after) {
                refused = Some(breach);
            }
        }
        if let Some(breach) = refused {
            return Admission::Refused(breach);
        }
        let mut standing = Standing::default();
        for bound in &entry.bounds {
            let key = (bound.scope, Arc::clone(&bound.subject));
            if let Some(subject) = subjects.get_mut(&key) {
                subject.take(entry);
                subject.tell(bound, &mut standing);
            }
        }
        Admission::Admitted {
            standing,
            shadowed,
            at: now,
        }
    }

    fn leave_at(&self, entry: &Entry, at: u64, used: Option<u64>, now: u64) {
        let mut subjects = self.subjects();
        for bound in &entry.bounds {
            let key = (bound.scope, Arc::clone(&bound.subject));
            if let Some(subject) = subjects.get_mut(&key) {
                subject.advance(now);
                subject.give_back(entry, at, used);
            }
        }
    }
}

impl Subject {
    fn new() -> Subject {
        Subject {
            requests: Window::new(),
            tokens: Window::new(),
            inside: HashSet::new(),
        }
    }

    fn advance(&mut self, now: u64) {
        self.requests.advance(now);
        self.tokens.advance(now);
    }

    fn is_at_rest(&mut self, now: u64) -> bool {
        self.advance(now);
        self.inside.is_empty() && self.requests.total() == 0 && self.tokens.total() == 0
    }

    /// The limit that keeps a request of so many tokens out; of several, the longest wait.
    fn breach(&self, bound: &Bound, tokens: u64) -> Option<Breach> {
        let minute = |limit: Option<u64>, window: &Window, amount: u64, kind| {
            let limit = limit?;
            let full = window.total().saturating_add(amount) > limit;
            full.then(|| (kind, limit, window.wait(limit.saturating_sub(amount))))
        };
        let limits = &bound.limits;
        let crowded = limits
            .concurrency
            .filter(|limit| self.inside.len() as u64 >= *limit)
            .map(|limit| (Kind::Concurrency, limit, CONCURRENCY_RETRY.as_secs()));
        let (kind, limit, wait) = [
            minute(limits.rpm, &self.requests, 1, Kind::Requests),
            minute(limits.tpm, &self.tokens, tokens, Kind::Tokens),
            crowded,
        ]
        .into_iter()
        .flatten()
        .max_by_key(|(.., wait)| *wait)?;
        Some(Breach {
            scope: bound.scope,
            kind,
            limit,
            retry_after: Duration::from_secs(wait),
        })
    }

    fn take(&mut self, entry: &Entry) {
        self.requests.add(1);
        self.tokens.add(entry.tokens);
        self.inside.insert(Arc::clone(&entry.id));
    }

    fn give_back(&mut self, entry: &Entry, then: u64, used: Option<u64>) {
        if !self.inside.remove(&entry.id) {
            return;
        }
        match used {
            None => {
                self.requests.take_back(then, 1);
                self.tokens.take_back(then, entry.tokens);
            }
            Some(used) if used >= entry.tokens => self.tokens.add(used - entry.tokens),
            Some(used) => self.tokens.take_back(then, entry.tokens - used),
        }
    }

    /// What is left under this bound, where it is the least so far.
    fn tell(&self, bound: &Bound, standing: &mut Standing) {
        if bound.limits.shadow {
            return;
        }
        let left = |limit: Option<u64>, window: &Window| {
            let limit = limit?;
            Some(Left {
                limit,
                remaining: limit.saturating_sub(window.total()),
                reset: Duration::from_secs(window.until_empty()),
            })
        };
        Standing::tighten(
            &mut standing.requests,
            left(bound.limits.rpm, &self.requests),
        );
        Standing::tighten(&mut standing.tokens, left(bound.limits.tpm, &self.tokens));
    }
}

#[cfg(test)]
mod tests;
