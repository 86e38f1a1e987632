//! Learns what changes in the store: users and keys, and documents of the configuration.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use config::rows::{KeyRow, Read, UserRow};
use config::{Live, Problem};
use store::{Accounts, MAX_ROWS, StoreError};

/// How often the store is asked whether there is news: a change is known on every node this late.
const PERIOD: Duration = Duration::from_millis(250);

/// What this reads from.
type Source = Arc<dyn Accounts + Send + Sync>;

/// Brings rows of the store into the running configuration.
pub(crate) struct Rows {
    live: Arc<Live>,
    store: Source,
    /// Held over a whole reading, so that two cannot cross.
    seen: Mutex<Seen>,
    known: AtomicBool,
}

/// How far the store was read.
#[derive(Default)]
struct Seen {
    /// The counts of changes; `None` before anything was read.
    accounts: Option<u64>,
    configuration: Option<u64>,
    /// The revisions of the last user and the last key.
    user: u64,
    key: u64,
}

/// Rows that were changed.
struct News {
    users: Vec<Read<UserRow>>,
    keys: Vec<Read<KeyRow>>,
}

impl Rows {
    /// Nothing is read yet.
    pub(crate) fn new(live: Arc<Live>, store: Source) -> Rows {
        Rows {
            live,
            store,
            seen: Mutex::default(),
            known: AtomicBool::new(false),
        }
    }

    /// Reads whatever changed, for as long as somebody has the rows, on a thread of its own.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(live: Arc<Live>, store: Source) -> io::Result<Arc<Rows>> {
        let rows = Arc::new(Rows::new(live, store));
        let kept = Arc::downgrade(&rows);
        thread::Builder::new()
            .name("rows".into())
            .spawn(move || run(&kept))?;
        Ok(rows)
    }

    /// Whether everything was read once: before, keys of the store are unknown.
    pub(crate) fn are_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// Reads what changed since the last time. When it returns, this node knows all that was in the
    /// store when it was called. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read: what is known stays, and the next call tries again.
    pub(crate) fn refresh(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Read first: what changes while the rows are read makes it differ the next time.
        let now = self.store.revisions()?;
        if seen.accounts.is_some_and(|before| now.accounts < before) {
            // A backup was put back, or a replica took over: what was read may never have been.
            tracing::warn!("the store has gone back in time, reading all users and keys again");
            self.learn_anew(&mut seen)?;
            seen.accounts = Some(now.accounts);
        } else if seen.accounts != Some(now.accounts) {
            self.learn(&mut seen)?;
            seen.accounts = Some(now.accounts);
        }
        if seen.configuration != Some(now.configuration) {
            self.take_up()?;
            seen.configuration = Some(now.configuration);
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn learn(&self, seen: &mut Seen) -> Result<(), StoreError> {
        let News { users, keys } = self.news(seen)?;
        self.live.learn(users, keys);
        Ok(())
    }

    fn learn_anew(&self, seen: &mut Seen) -> Result<(), StoreError> {
        (seen.user, seen.key) = (0, 0);
        let News { users, keys } = self.news(seen)?;
        self.live.learn_anew(users, keys);
        Ok(())
    }

    /// Users and keys that were changed since the last that were seen.
    fn news(&self, seen: &mut Seen) -> Result<News, StoreError> {
        let store = &self.store;
        let users = since(seen.user, |from| store.users_since(from), user_revision)?;
        let keys = since(seen.key, |from| store.keys_since(from), key_revision)?;
        seen.user = users.last().map_or(seen.user, user_revision);
        seen.key = keys.last().map_or(seen.key, key_revision);
        Ok(News { users, keys })
    }

    fn take_up(&self) -> Result<(), StoreError> {
        match self.live.take_up(self.store.all_documents()?) {
            Ok(taken) => {
                tell(&taken.warnings);
                if taken.changed {
                    tracing::info!(generation = %taken.generation, "documents of the store taken up");
                }
            }
            Err(problems) => {
                tracing::error!(
                    "the files do not compile beside the store's documents: nothing changed"
                );
                tell(&problems);
            }
        }
        Ok(())
    }
}

/// Every row after `from`, page by page.
fn since<T>(
    mut from: u64,
    read: impl Fn(u64) -> Result<Vec<T>, StoreError>,
    revision: impl Fn(&T) -> u64,
) -> Result<Vec<T>, StoreError> {
    let mut rows = Vec::new();
    loop {
        let page = read(from)?;
        let is_last = page.len() < MAX_ROWS;
        from = page.last().map_or(from, &revision);
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

fn user_revision(row: &Read<UserRow>) -> u64 {
    row.as_ref()
        .map_or_else(|unread| unread.revision, |row| row.revision)
}

fn key_revision(row: &Read<KeyRow>) -> u64 {
    row.as_ref()
        .map_or_else(|unread| unread.revision, |row| row.revision)
}

/// What only warns is told with the files.
fn tell(problems: &[Problem]) {
    for problem in problems.iter().filter(|problem| problem.is_error()) {
        tracing::error!(path = %problem.path, "a document of the store is not in force: {problem}");
    }
}

fn run(kept: &Weak<Rows>) {
    let mut away = false;
    while let Some(rows) = kept.upgrade() {
        let read = rows.refresh();
        match &read {
            Ok(()) => {}
            // A store that was not reached yet is told of elsewhere.
            Err(error @ StoreError::Opening) => tracing::debug!(%error, "rows cannot be read yet"),
            Err(error) if !away => {
                tracing::warn!(%error, "users, keys and documents cannot be read, trying again");
            }
            Err(_) => {}
        }
        away = read.is_err();
        drop(rows);
        thread::sleep(PERIOD);
    }
}

#[cfg(test)]
mod tests;
