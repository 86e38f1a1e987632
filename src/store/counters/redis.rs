//! Counters in Redis: one script, one round trip, for a whole fleet of gateways.
//!
//! A place (`concurrency`) is leased: a gateway renews those of its requests that go on, and
//! those of a gateway that died are free after [`LEASE`]. What leaves is told by a task beside the
//! requests, so that ending a request never waits for Redis.

mod errand;
mod link;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::{Script, ScriptInvocation};
use async_trait::async_trait;
use ledger::limit::{Admission, Bound, Breach, Counters, Entry, Kind, Left, Standing, WINDOW};

use self::errand::Errands;
use self::link::Link;

/// How long a place stays taken when nobody renews it.
const LEASE: Duration = Duration::from_secs(90);
/// How often places of requests that go on are renewed.
const RENEWAL: Duration = Duration::from_secs(30);
/// Values of each bound in the answer of `enter.lua`.
const VALUES: usize = 7;

/// An address that is none of Redis.
#[derive(Debug, thiserror::Error)]
#[error("not the address of a Redis server; write redis://host:6379 or rediss://…")]
pub struct BadRedisUrl;

/// Counts in a Redis server.
pub struct Redis {
    link: Arc<Link>,
    enter: Script,
    inside: Arc<Inside>,
    errands: Errands,
}

/// Requests of this process that have a place, to renew it.
#[derive(Default)]
struct Inside(Mutex<HashMap<Arc<str>, Entry>>);

impl Redis {
    /// Counters at `url`; connects when first asked.
    ///
    /// # Errors
    /// When `url` cannot be one of Redis. It may hold a password, and is not repeated.
    pub fn new(url: &str) -> Result<Redis, BadRedisUrl> {
        let link = Arc::new(Link::new(url)?);
        let inside = Arc::new(Inside::default());
        Ok(Redis {
            errands: Errands::new(Arc::clone(&link), Arc::clone(&inside)),
            link,
            enter: Script::new(include_str!("enter.lua")),
            inside,
        })
    }
}

#[async_trait]
impl Counters for Redis {
    async fn enter(&self, entry: &Entry) -> Admission {
        self.errands.start();
        let mut call = self.enter.prepare_invoke();
        keys(&mut call, &entry.bounds);
        call.arg(&*entry.id).arg(entry.tokens).arg(LEASE.as_secs());
        for bound in &entry.bounds {
            let limits = &bound.limits;
            call.arg(number(limits.rpm))
                .arg(number(limits.tpm))
                .arg(number(limits.concurrency))
                .arg(u8::from(limits.shadow));
        }
        let Some(values) = self.link.run(&call).await else {
            return Admission::Away;
        };
        let admission = read(entry, &values);
        if matches!(admission, Admission::Admitted { .. }) {
            let mut inside = self.inside.lock();
            inside.insert(Arc::clone(&entry.id), entry.clone());
        }
        admission
    }

    fn leave(&self, entry: &Entry, at: u64, used: Option<u64>) {
        self.inside.lock().remove(&entry.id);
        self.errands.leave(entry.clone(), at, used);
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Entry> {
        self.lock().values().cloned().collect()
    }
}

/// The three keys of every bound.
fn keys(call: &mut ScriptInvocation<'_>, bounds: &[Bound]) {
    for bound in bounds {
        for what in ["r", "t", "i"] {
            call.key(key(bound, what));
        }
    }
}

fn key(bound: &Bound, what: &str) -> String {
    format!(
        "tollgate:limit:{}:{what}:{}",
        bound.scope.as_str(),
        bound.subject
    )
}

/// A limit as the scripts take it. Lua counts in doubles: beyond 2^53 there is no limit anyway.
fn number(limit: Option<u64>) -> i64 {
    const EXACT: u64 = 1 << 53;
    limit.map_or(-1, |limit| limit.min(EXACT) as i64)
}

/// What the script's answer says.
fn read(entry: &Entry, values: &[i64]) -> Admission {
    let [at, admitted, rest @ ..] = values else {
        return Admission::Away;
    };
    if rest.len() != entry.bounds.len() * VALUES {
        return Admission::Away;
    }
    let (mut standing, mut shadowed, mut refused) = (Standing::default(), Vec::new(), None);
    for (bound, values) in entry.bounds.iter().zip(rest.chunks_exact(VALUES)) {
        match breach(bound, &values[4..]) {
            Some(breach) if bound.limits.shadow => shadowed.push(breach),
            Some(breach) => refused = later(refused, breach),
            None => {}
        }
        if !bound.limits.shadow {
            let left = |limit, total: i64, reset| left(limit, total, reset);
            Standing::tighten(
                &mut standing.requests,
                left(bound.limits.rpm, values[0], values[1]),
            );
            Standing::tighten(
                &mut standing.tokens,
                left(bound.limits.tpm, values[2], values[3]),
            );
        }
    }
    match (admitted, refused) {
        (1, _) => Admission::Admitted {
            standing,
            shadowed,
            at: u64::try_from(*at).unwrap_or(0),
        },
        (_, Some(breach)) => Admission::Refused(breach),
        (_, None) => Admission::Away,
    }
}

/// The limit without room; of several, the longest wait. `waits`: requests, tokens, a place.
fn breach(bound: &Bound, waits: &[i64]) -> Option<Breach> {
    let limits = &bound.limits;
    let kinds = [
        (Kind::Requests, limits.rpm),
        (Kind::Tokens, limits.tpm),
        (Kind::Concurrency, limits.concurrency),
    ];
    let full = kinds.into_iter().zip(waits).filter(|(_, wait)| **wait > 0);
    let ((kind, limit), wait) = full.max_by_key(|(_, wait)| **wait)?;
    Some(Breach {
        scope: bound.scope,
        kind,
        limit: limit?,
        retry_after: seconds(*wait).min(WINDOW),
    })
}

fn later(known: Option<Breach>, other: Breach) -> Option<Breach> {
    match known {
        Some(known) if known.retry_after >= other.retry_after => Some(known),
        _ => Some(other),
    }
}

fn left(limit: Option<u64>, total: i64, reset: i64) -> Option<Left> {
    let limit = limit?;
    Some(Left {
        limit,
        remaining: limit.saturating_sub(u64::try_from(total).unwrap_or(0)),
        reset: seconds(reset),
    })
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}
