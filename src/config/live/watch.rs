//! Notices changed files and SIGHUP.
//!
//! The files are read again and compared by their hash: that sees every way a file can change,
//! also the exchanged `..data` link of a mounted Kubernetes ConfigMap, on every file system.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::{Live, Reloaded};
use crate::problem::Problem;
use crate::source::{hash, read_texts};

/// How often the files are looked at: with the settling below, a change is live within a second.
const PERIOD: Duration = Duration::from_millis(500);
/// Files are taken when two looks this far apart see the same: not in the middle of a write.
const SETTLING: Duration = Duration::from_millis(50);
/// A file that is written without end is taken all the same after so many looks.
const MAX_LOOKS: u32 = 5;

impl Live {
    /// Reloads whenever the files change or SIGHUP comes, for as long as it is polled; `changed`
    /// hears of every reload that compiled. Problems are logged. Without files it waits forever.
    pub async fn watch(self: Arc<Self>, changed: impl Fn(&Reloaded)) {
        let Some(path) = self.files.as_ref().map(|files| files.path.clone()) else {
            return std::future::pending().await;
        };
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut period = interval_at(Instant::now() + PERIOD, PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was looked at last, whether it compiled or not: the same is not tried twice.
        let mut seen = Some(self.running().hash().to_string());
        loop {
            let asked = tokio::select! {
                () = next(&mut hangup) => true,
                _ = period.tick() => false,
            };
            if asked {
                seen = look(&path).await;
            } else if !settled_change(&path, &mut seen).await {
                continue;
            }
            self.reload_and_tell(&changed).await;
        }
    }

    async fn reload_and_tell(self: &Arc<Self>, changed: &impl Fn(&Reloaded)) {
        let live = self.clone();
        // Reading files and compiling may take long: not on a thread that serves requests.
        match tokio::task::spawn_blocking(move || live.reload()).await {
            Ok(Ok(reloaded)) => {
                log_success(&reloaded);
                changed(&reloaded);
            }
            Ok(Err(problems)) => log_problems(&problems),
            Err(error) => tracing::error!(%error, "the reload did not end"),
        }
    }
}

async fn next(hangup: &mut Option<Signal>) {
    match hangup {
        Some(signal) => {
            if signal.recv().await.is_none() {
                *hangup = None;
            }
        }
        None => std::future::pending().await,
    }
}

/// The hash of the files as they are now; `None` when they cannot be read.
async fn look(path: &Path) -> Option<String> {
    let path = path.to_path_buf();
    let read = move || read_texts(&path).ok().map(|texts| hash(&texts));
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// Whether the files differ from `seen` and have stopped changing; `seen` becomes what they are.
async fn settled_change(path: &Path, seen: &mut Option<String>) -> bool {
    let mut now = look(path).await;
    if now == *seen {
        return false;
    }
    for _ in 0..MAX_LOOKS {
        sleep(SETTLING).await;
        let again = look(path).await;
        if again == now {
            break;
        }
        now = again;
    }
    let changed = now != *seen;
    *seen = now;
    changed
}

fn log_success(reloaded: &Reloaded) {
    tracing::info!(generation = %reloaded.generation, changed = reloaded.changed, "configuration reloaded");
    for problem in &reloaded.warnings {
        match problem.is_error() {
            true => tracing::error!(path = %problem.path, "left out: {problem}"),
            false => tracing::warn!(path = %problem.path, "{problem}"),
        }
    }
}

fn log_problems(problems: &[Problem]) {
    tracing::error!(
        problems = problems.len(),
        "the configuration does not compile: nothing changed"
    );
    for problem in problems {
        tracing::error!(path = %problem.path, "{problem}");
    }
}
