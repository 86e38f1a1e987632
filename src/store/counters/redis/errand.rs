//! What is told to Redis beside the requests: who left, and whose place is still taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use ledger::limit::Entry;
use redis::Script;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

use super::link::Link;
use super::{Inside, LEASE, RENEWAL, key, keys};

/// Requests that left and are not told yet; beyond it their places wait for the lease to end.
const MAX_WAITING: usize = 65_536;
/// Requests told of at once.
const AT_ONCE: usize = 64;

/// A request that left.
struct Left {
    entry: Entry,
    at: u64,
    used: Option<u64>,
}

/// The task's end of the queue, until it is started.
struct Idle {
    queue: Receiver<Left>,
    link: Arc<Link>,
    inside: Arc<Inside>,
}

/// The queue, and the task behind it.
pub(super) struct Errands {
    sender: Sender<Left>,
    idle: Mutex<Option<Idle>>,
    started: AtomicBool,
}

impl Errands {
    pub(super) fn new(link: Arc<Link>, inside: Arc<Inside>) -> Errands {
        let (sender, queue) = channel(MAX_WAITING);
        Errands {
            sender,
            idle: Mutex::new(Some(Idle {
                queue,
                link,
                inside,
            })),
            started: AtomicBool::new(false),
        }
    }

    /// Starts the task in the runtime of whoever asks first.
    pub(super) fn start(&self) {
        if self.started.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.take() {
            tokio::spawn(idle.run());
        }
    }

    pub(super) fn leave(&self, entry: Entry, at: u64, used: Option<u64>) {
        if self.sender.try_send(Left { entry, at, used }).is_err() {
            tracing::warn!(
                "too many requests left at once: their places wait for their lease to end"
            );
        }
    }
}

impl Idle {
    async fn run(mut self) {
        let leave = Script::new(include_str!("../leave.lua"));
        let mut renewal = Instant::now() + RENEWAL;
        let mut left = Vec::with_capacity(AT_ONCE);
        loop {
            tokio::select! {
                count = self.queue.recv_many(&mut left, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    // On one connection: many questions under way are one round trip.
                    join_all(left.drain(..).map(|left| self.tell(&leave, left))).await;
                }
                () = sleep_until(renewal) => {
                    self.renew().await;
                    renewal = Instant::now() + RENEWAL;
                }
            }
        }
    }

    /// One that cannot be told is forgotten: its place is free when the lease ends, and its
    /// minute passes.
    async fn tell(&self, leave: &Script, left: Left) {
        let mut call = leave.prepare_invoke();
        keys(&mut call, &left.entry.bounds);
        let used = left
            .used
            .map_or(-1, |used| i64::try_from(used).unwrap_or(i64::MAX));
        call.arg(&*left.entry.id)
            .arg(left.at)
            .arg(left.entry.tokens)
            .arg(used);
        self.link.tell(&call).await;
    }

    /// Renews the places of the requests that go on.
    async fn renew(&self) {
        let inside = self.inside.all();
        if inside.is_empty() {
            return;
        }
        // The servers' clocks agree well enough for a lease of a minute and a half.
        let until = jiff::Timestamp::now().as_second() + LEASE.as_secs() as i64;
        for entries in inside.chunks(256) {
            let mut commands = redis::pipe();
            for (entry, bound) in entries
                .iter()
                .flat_map(|entry| entry.bounds.iter().map(move |bound| (entry, bound)))
            {
                let key = key(bound, "i");
                commands
                    .cmd("ZADD")
                    .arg(&key)
                    .arg("XX")
                    .arg(until)
                    .arg(&*entry.id)
                    .ignore()
                    .cmd("EXPIRE")
                    .arg(&key)
                    .arg(2 * LEASE.as_secs())
                    .ignore();
            }
            self.link.send(&commands).await;
        }
    }
}
