//! What changes only with a restart: a reload keeps the old and says so.

use secrecy::ExposeSecret;

use crate::problem::Problem;
use crate::snapshot::Snapshot;

/// Puts the listeners, the store, Redis and the journal of `old` into `new`, which counts those that
/// differed; a warning for each of them.
pub(crate) fn keep_what_needs_a_restart(old: &Snapshot, new: &mut Snapshot) -> Vec<Problem> {
    let mut waiting = Vec::new();
    keep(
        "gateway.listen",
        &old.gateway.listen,
        &mut new.gateway.listen,
        &mut waiting,
    );
    keep(
        "admin.listen",
        &old.admin.listen,
        &mut new.admin.listen,
        &mut waiting,
    );
    keep(
        "metrics.listen",
        &old.metrics,
        &mut new.metrics,
        &mut waiting,
    );
    keep("store", &old.store, &mut new.store, &mut waiting);
    let url = |snapshot: &Snapshot| {
        snapshot
            .redis
            .as_ref()
            .map(|url| url.expose_secret().to_owned())
    };
    if url(old) != url(new) {
        new.redis.clone_from(&old.redis);
        waiting.push(waits("redis"));
    }
    keep("journal", &old.journal, &mut new.journal, &mut waiting);
    new.waiting = waiting.len();
    waiting
}

fn keep<T: Clone + PartialEq>(path: &str, old: &T, new: &mut T, waiting: &mut Vec<Problem>) {
    if old != new {
        new.clone_from(old);
        waiting.push(waits(path));
    }
}

fn waits(path: &str) -> Problem {
    Problem::warning(path, "changes only with a restart; the old value stays")
        .hint("restart the gateway to use the new one")
}
