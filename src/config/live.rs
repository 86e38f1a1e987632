//! The configuration that runs: swapped whole when its files or the documents of the store change, kept
//! when they do not compile.

mod fit;
mod rows;
mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch as channel;

use crate::compile::{compile, compile_with};
use crate::directory::{Directory, Register};
use crate::health::LaneBook;
use crate::live::fit::{Fit, Waiting, find, fit};
use crate::live::rows::ordered;
use crate::problem::Problem;
use crate::restart::keep_what_needs_a_restart;
use crate::rows::{Document, DocumentKind, Unreadable};
use crate::snapshot::Snapshot;
use crate::source::Sources;

/// The environment a running gateway reads.
pub type LiveEnv = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The current snapshot and where the next one comes from.
pub struct Live {
    current: ArcSwap<Snapshot>,
    directory: ArcSwap<Directory>,
    /// What the directory is made of.
    register: Mutex<Register>,
    lanes: LaneBook,
    files: Option<Files>,
    /// Held over a whole reload, so that two cannot cross.
    running: Mutex<Running>,
    files_valid: AtomicBool,
    documents_valid: AtomicBool,
    /// Users and keys, and documents, that are not in force.
    accounts_unread: AtomicUsize,
    documents_unread: AtomicUsize,
    restarts_needed: AtomicU64,
    announce: channel::Sender<u64>,
}

struct Files {
    path: PathBuf,
    env: LiveEnv,
}

/// What the snapshot was compiled from. The files are kept as they were then, so that documents
/// can be taken up while somebody is at work on the files.
struct Running {
    /// `None` of a snapshot that was not compiled here.
    sources: Option<Sources>,
    documents: Vec<Document>,
    /// What the store has, whether it compiles or not.
    stored: Stored,
    /// What is wrong with documents of the store that do not run as they are there.
    wrong: Vec<Problem>,
}

/// The documents of the store when they were read last.
#[derive(Clone, Default)]
struct Stored {
    /// In the order of their kinds and names.
    documents: Vec<Document>,
    unreadable: Vec<Unreadable>,
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
    /// What it warns of, changes that wait for a restart, and what is wrong with documents of the store
    /// that do not run for it.
    pub warnings: Vec<Problem>,
}

impl Live {
    /// Reads and compiles the file or folder at `path`.
    pub fn start(path: PathBuf, env: LiveEnv) -> Result<Live, Vec<Problem>> {
        let sources = Sources::read(&path, &env)?;
        let lanes = LaneBook::new();
        let snapshot = compile(&sources, &lanes, 1)?;
        let files = Some(Files { path, env });
        Ok(Live::new(snapshot, lanes, files, Some(sources)))
    }

    /// A configuration without files: it never changes by itself.
    pub fn from_text(
        yaml: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Live, Vec<Problem>> {
        let sources = Sources::from_text(yaml, env)?;
        let lanes = LaneBook::new();
        let snapshot = compile(&sources, &lanes, 1)?;
        Ok(Live::new(snapshot, lanes, None, Some(sources)))
    }

    /// A snapshot that was compiled with the lanes of `lanes`.
    pub fn from_snapshot(snapshot: Snapshot, lanes: LaneBook) -> Live {
        Live::new(snapshot, lanes, None, None)
    }

    fn new(
        snapshot: Snapshot,
        lanes: LaneBook,
        files: Option<Files>,
        sources: Option<Sources>,
    ) -> Live {
        let number = snapshot.number;
        Live {
            current: ArcSwap::from_pointee(snapshot),
            directory: ArcSwap::default(),
            register: Mutex::default(),
            lanes,
            files,
            running: Mutex::new(Running {
                sources,
                documents: Vec::new(),
                stored: Stored::default(),
                wrong: Vec::new(),
            }),
            files_valid: AtomicBool::new(true),
            documents_valid: AtomicBool::new(true),
            accounts_unread: AtomicUsize::new(0),
            documents_unread: AtomicUsize::new(0),
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

    /// The lanes of every snapshot this process has run.
    pub fn lanes(&self) -> &LaneBook {
        &self.lanes
    }

    /// Whether files and documents compiled when they were last read.
    pub fn is_valid(&self) -> bool {
        self.files_valid.load(Ordering::Relaxed) && self.documents_valid.load(Ordering::Relaxed)
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
        let mut running = self.running();
        let result = self.reload_into(&mut running);
        self.files_valid.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    /// What a reload would say of the files and documents as they are: its warnings, or every problem.
    /// Takes nothing up. Blocks while it reads the files.
    pub fn check(&self) -> Result<Vec<Problem>, Vec<Problem>> {
        let Some(files) = &self.files else {
            return self.check_newest();
        };
        let sources = Sources::read(&files.path, &files.env)?;
        let running = self.running();
        let (stored, documents) = (running.stored.clone(), running.documents.clone());
        drop(running);
        // Lanes of its own: keys that are only looked at do not join those that run.
        let mut fit = self.fit(&sources, &stored, &documents, &LaneBook::new())?;
        if fit.loses(&documents) {
            return Err(fit.problems);
        }
        let mut told = self.keep_what_needs_a_restart(&mut fit.snapshot);
        told.extend(stored.wrong(fit.waiting));
        told.extend(fit.snapshot.warnings);
        Ok(told)
    }

    fn try_out(
        &self,
        sources: &Sources,
        documents: &[Document],
    ) -> Result<Vec<Problem>, Vec<Problem>> {
        let current = self.full();
        // Lanes of its own: keys that are only looked at do not join those that run.
        let mut next = compile_with(sources, documents, &LaneBook::new(), current.number + 1)?;
        let waiting = keep_what_needs_a_restart(&current, &mut next);
        Ok(waiting.into_iter().chain(next.warnings).collect())
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload_into(&self, running: &mut Running) -> Result<Reloaded, Vec<Problem>> {
        let Some(files) = &self.files else {
            return Ok(self.unchanged());
        };
        let sources = Sources::read(&files.path, &files.env)?;
        if sources.hash() == running.hash() {
            return Ok(self.unchanged());
        }
        if sources.is_empty() {
            // An editor that empties the file before it writes must not take the service down.
            let what = "empty, which would take every channel and key away";
            let path = files.path.display().to_string();
            return Err(vec![
                Problem::error(path, what).hint("write channels: [] to mean that"),
            ]);
        }
        let mut fit = self.fit(&sources, &running.stored, &running.documents, &self.lanes)?;
        if fit.loses(&running.documents) {
            // They run beside the files of before, so it is these files that are wrong.
            return Err(fit.problems);
        }
        let told = self.keep_what_needs_a_restart(&mut fit.snapshot);
        if !told.is_empty() {
            self.restarts_needed.fetch_add(1, Ordering::Relaxed);
        }
        let alone = match fit.documents.is_empty() {
            true => Vec::new(),
            false => alone(&sources),
        };
        running.sources = Some(sources);
        Ok(self.swap(running, fit, told.into_iter().chain(alone)))
    }

    fn unchanged(&self) -> Reloaded {
        Reloaded::of(&self.load(), Vec::new(), false)
    }

    /// What can run of the files and of what the store has.
    fn fit(
        &self,
        sources: &Sources,
        stored: &Stored,
        running: &[Document],
        lanes: &LaneBook,
    ) -> Result<Fit, Vec<Problem>> {
        let documents = stored.or_running(running);
        let number = self.load().number + 1;
        fit(sources, &documents, running, lanes, number)
    }

    fn keep_what_needs_a_restart(&self, next: &mut Snapshot) -> Vec<Problem> {
        keep_what_needs_a_restart(&self.load(), next)
    }

    /// Runs what fits. `told`: what is to be said of the files.
    fn swap(
        &self,
        running: &mut Running,
        fit: Fit,
        told: impl IntoIterator<Item = Problem>,
    ) -> Reloaded {
        running.documents = fit.documents;
        self.wait(running, fit.waiting);
        let told = told.into_iter().chain(running.wrong.iter().cloned());
        let next = Arc::new(fit.snapshot);
        self.current.store(next.clone());
        self.announce.send_replace(next.number);
        Reloaded::of(&next, told.collect(), true)
    }
}

impl Running {
    /// The hash of the files.
    fn hash(&self) -> &str {
        self.sources.as_ref().map_or("", Sources::hash)
    }
}

impl Stored {
    /// The documents and, in the place of those that cannot be read, the ones that run.
    fn or_running(&self, running: &[Document]) -> Vec<Document> {
        let unreadable = self.unreadable.iter();
        let kept = unreadable.filter_map(|row| {
            let mut kinds = DocumentKind::ALL.into_iter();
            let kind = kinds.find(|kind| kind.as_str() == row.kind)?;
            find(running, kind, &row.name).cloned()
        });
        ordered(self.documents.iter().cloned().chain(kept).collect())
    }

    /// What is wrong with those that cannot be read and those that wait.
    fn wrong(&self, waiting: Vec<Waiting>) -> Vec<Problem> {
        let unreadable = self.unreadable.iter().map(Unreadable::problem);
        let waiting = waiting.into_iter().flat_map(|one| one.problems);
        unreadable.chain(waiting).collect()
    }
}

/// Warnings, where files compile only beside documents of the store.
fn alone(files: &Sources) -> Vec<Problem> {
    let problems = compile(files, &LaneBook::new(), 0).err();
    let errors = problems.into_iter().flatten().filter(Problem::is_error);
    let warning = |problem: Problem| {
        let what = format!("wrong without the documents of the store: {}", problem.what);
        Problem::warning(problem.path, what)
            .hint("write it into the files: the gateway does not start without")
    };
    errors.map(warning).collect()
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
