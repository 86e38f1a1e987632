//! The thread that asks the disk for what was written, once for many, and keeps a spare segment.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::Fsync;
use super::core::Core;
use super::folder;

/// How often a disk that refused is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How often is looked for room, and for what was written, while there is something to wait for.
const LOOK: Duration = Duration::from_millis(20);

/// Until the journal is closed.
pub(super) fn run(core: &Core, fsync: Fsync) {
    let period = match fsync {
        Fsync::Always => Duration::ZERO,
        Fsync::Every(period) => period,
    };
    let mut due: Option<Instant> = None;
    while !core.is_closed() {
        if core.take_dirty() {
            core.wake_reader();
            due.get_or_insert_with(|| Instant::now() + period);
        }
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match left {
            Some(Duration::ZERO) => {
                due = None;
                sync(core);
            }
            Some(left) => core.rest(left.min(LOOK)),
            None if core.is_refused() => core.rest(TRY_AGAIN),
            None if core.is_full() => core.rest(LOOK),
            None => thread::park(),
        }
        keep_spare(core);
    }
    sync(core);
}

fn sync(core: &Core) {
    let unsynced = core.tail().segments().take_unsynced();
    let synced = unsynced
        .segments
        .iter()
        .try_for_each(|segment| segment.sync())
        .and_then(|()| match unsynced.new_names {
            true => folder::sync(core.folder()),
            false => Ok(()),
        });
    match synced {
        Ok(()) => core.progress.reached(unsynced.written),
        Err(error) => {
            tracing::error!(
                %error,
                "the disk did not take the journal: a loss of power now may lose the newest entries"
            );
            core.progress.failed();
        }
    }
}

fn keep_spare(core: &Core) {
    let wanted = core.tail().segments().wanted_spare();
    if let Some(make) = wanted {
        let unneeded = core.tail().set_spare(make());
        if let Some(Err(error)) = unneeded.map(|segment| segment.remove())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a spare journal segment cannot be removed");
        }
    }
    core.refresh();
}
