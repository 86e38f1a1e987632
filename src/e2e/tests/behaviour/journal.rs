//! Usage survives: kills, a store that is away, a journal that is full, a torn end.
//!
//! The numbers are small; `make chaos` runs the same with larger ones.

pub(crate) mod load;
mod lost;
mod room;
mod store_away;
mod survival;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use e2e::Gateway;

/// A number that `make chaos` makes larger.
fn number(name: &str, usual: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The store, taken away: nobody can write to it until this is dropped.
struct Away(rusqlite::Connection);

impl Away {
    fn of(gateway: &Gateway) -> Away {
        let store = gateway.folder.path().join("tollgate.db");
        let connection = rusqlite::Connection::open(store).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        Away(connection)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// Waits until the journal has brought everything to the store.
pub(crate) async fn settled(gateway: &Gateway) {
    let start = Instant::now();
    while gateway.metrics().await.sum("tollgate_ledger_queue", &[]) > 0.0
        || folders(gateway.folder.path()).len() > 1
    {
        assert!(start.elapsed() < Duration::from_secs(60), "never settled");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The folders of processes in the journal of the gateway whose folder this is.
fn folders(gateway: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(gateway.join("journal")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The newest segment in the one journal there is.
fn segment(gateway: &Path) -> PathBuf {
    let folders = folders(gateway);
    assert_eq!(folders.len(), 1, "{folders:?}");
    let files = std::fs::read_dir(&folders[0]).unwrap();
    let segments = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"));
    segments.max().unwrap()
}
