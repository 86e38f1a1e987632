//! The journal under every order of events and every kind of damage.

#![allow(clippy::unwrap_used)]

mod damage;
mod disk;
mod entries;
mod orders;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use proptest::test_runner::Config;
use tempfile::TempDir;

use super::*;
use crate::record::Record;

/// So many cases, or as many as `make chaos` wants.
fn cases(usual: u32) -> Config {
    let set = std::env::var("TOLLGATE_CHAOS_CASES").ok();
    Config::with_cases(set.and_then(|text| text.parse().ok()).unwrap_or(usual))
}

/// Eight usual entries.
const SMALL: Sizes = Sizes {
    segment: 2_048,
    max: 1 << 20,
};

/// A journal of small segments in that folder.
fn open(base: &TempDir, sizes: Sizes, fsync: Fsync) -> Journal {
    let options = Options {
        path: base.path().to_path_buf(),
        fsync,
        max: sizes.max,
    };
    Journal::open_sized(&options, sizes).unwrap()
}

/// Quickly synced, and small.
fn small(base: &TempDir) -> Journal {
    open(base, SMALL, Fsync::Every(Duration::from_millis(1)))
}

/// What a store has: the first record with an id stays.
#[derive(Default)]
struct Rows(BTreeMap<String, Record>, Marks);

impl Rows {
    /// Puts records of the journal in `folder`.
    fn put(&mut self, folder: &Path, batch: &Batch) {
        for record in batch.records() {
            let id = record.id.clone();
            self.0.entry(id).or_insert_with(|| record.clone());
        }
        self.1.put(folder, batch);
    }

    fn ids(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// What a store has that forgets records, and remembers only how far each journal is.
#[derive(Default)]
struct Marks {
    ids: Vec<String>,
    reached: HashMap<OsString, Place>,
}

impl Marks {
    fn put(&mut self, folder: &Path, batch: &Batch) {
        assert!(batch.places().is_sorted_by(|one, next| one < next));
        let name = folder.file_name().unwrap().to_owned();
        let reached = self.reached.entry(name).or_insert(Place(0));
        for (record, place) in batch.records().iter().zip(batch.places()) {
            if place > reached {
                *reached = *place;
                self.ids.push(record.id.clone());
            }
        }
    }
}

/// Recovers every folder in `base` that nobody holds; what was found in all of them.
fn recover(base: &Path, rows: &mut Rows) -> recover::Recovered {
    let mut all = recover::Recovered::default();
    for folder in Orphan::candidates(base, Path::new("")).unwrap() {
        let Some(orphan) = Orphan::take(&folder).unwrap() else {
            continue;
        };
        let found = orphan.recover(&mut |batch| {
            rows.put(&folder, batch);
            true
        });
        let found = found.unwrap();
        all.settled += found.settled;
        all.lost += found.lost;
        all.torn_bytes += found.torn_bytes;
    }
    all
}

/// The segments of every journal in `base`.
fn segments(base: &Path) -> Vec<PathBuf> {
    let folders = Orphan::candidates(base, Path::new("")).unwrap();
    let listed = folders.iter().flat_map(|one| segment::list(one).unwrap());
    listed.map(|(_, path)| path).collect()
}

/// Waits a little for what another thread does.
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(std::time::Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
