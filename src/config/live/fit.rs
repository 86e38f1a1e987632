//! Finds the documents of the store that can run beside the files: all of them or, where some do not
//! compile, all but these.

use std::collections::{BTreeMap, HashMap};

use crate::compile::compile_with;
use crate::documents;
use crate::health::LaneBook;
use crate::problem::Problem;
use crate::rows::{Document, DocumentKind};
use crate::snapshot::Snapshot;
use crate::source::Sources;

/// How often it is tried with fewer documents. Each round takes all out that are named by a problem, so
/// more rounds only follow chains: a model of a channel of a group.
const ROUNDS: usize = 8;

/// What runs beside the files, and what does not.
pub(super) struct Fit {
    pub(super) snapshot: Snapshot,
    /// In the order in which they were compiled.
    pub(super) documents: Vec<Document>,
    pub(super) waiting: Vec<Waiting>,
    /// Every problem of the first try.
    pub(super) problems: Vec<Problem>,
}

/// A document that is not in force.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) kind: DocumentKind,
    pub(super) name: String,
    /// Why.
    pub(super) problems: Vec<Problem>,
}

type Key = (DocumentKind, String);

/// Compiles `files` with as many of `documents` as possible. In the place of one that does not compile the
/// one of `running` stays: another node's files may be ahead of ours, and a channel must not vanish here
/// until ours have come. Both are in the order of their kinds and names.
///
/// # Errors
/// When nothing of the store is to blame: all problems of all documents and files.
pub(super) fn fit(
    files: &Sources,
    documents: &[Document],
    running: &[Document],
    lanes: &LaneBook,
    number: u64,
) -> Result<Fit, Vec<Problem>> {
    let mut chosen = documents.to_vec();
    let mut waiting: BTreeMap<Key, Vec<Problem>> = BTreeMap::new();
    let mut first = Vec::new();
    for _ in 0..ROUNDS {
        let problems = match compile_with(files, &chosen, lanes, number) {
            Ok(snapshot) => return Ok(Fit::new(snapshot, chosen, waiting, first)),
            Err(problems) => problems,
        };
        let blamed = blame(&chosen, &problems);
        if first.is_empty() {
            first = problems;
        }
        if blamed.is_empty() {
            break;
        }
        chosen = without(chosen, &blamed, running);
        for (key, problems) in blamed {
            waiting.entry(key).or_insert(problems);
        }
    }
    // No document is named: none of them then, but those that run.
    let still = running
        .iter()
        .filter(|one| is_in(documents, one.kind, &one.name));
    for kept in [still.cloned().collect(), Vec::new()] {
        let Ok(snapshot) = compile_with(files, &kept, lanes, number) else {
            continue;
        };
        for document in &chosen {
            if find(&kept, document.kind, &document.name) != Some(document) {
                waiting
                    .entry(key(document))
                    .or_insert(vec![together(document)]);
            }
        }
        return Ok(Fit::new(snapshot, kept, waiting, first));
    }
    Err(first)
}

fn together(document: &Document) -> Problem {
    let what = "does not compile together with the other documents of the store";
    Problem::error(documents::path(document), what).hint("take out what was changed last")
}

impl Fit {
    fn new(
        snapshot: Snapshot,
        documents: Vec<Document>,
        waiting: BTreeMap<Key, Vec<Problem>>,
        problems: Vec<Problem>,
    ) -> Fit {
        let waiting = waiting.into_iter().map(|((kind, name), problems)| Waiting {
            kind,
            name,
            problems,
        });
        Fit {
            snapshot,
            documents,
            waiting: waiting.collect(),
            problems,
        }
    }

    /// Whether one of `running` is not among what would run now, though the store still has it.
    pub(super) fn loses(&self, running: &[Document]) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|one| {
            is_in(running, one.kind, &one.name) && !is_in(&self.documents, one.kind, &one.name)
        })
    }
}

/// The errors, by the document that each is found in. Names may have dots, so the longest path that
/// fits is the document's.
fn blame(documents: &[Document], problems: &[Problem]) -> BTreeMap<Key, Vec<Problem>> {
    let by_path: HashMap<String, &Document> = documents
        .iter()
        .map(|document| (documents::path(document), document))
        .collect();
    let mut blamed: BTreeMap<Key, Vec<Problem>> = BTreeMap::new();
    for problem in problems.iter().filter(|problem| problem.is_error()) {
        if let Some(document) = at(&by_path, &problem.path) {
            let problems = blamed.entry(key(document)).or_default();
            problems.push(problem.clone());
        }
    }
    blamed
}

/// The document at `path` or at what is above it.
fn at<'d>(by_path: &HashMap<String, &'d Document>, mut path: &str) -> Option<&'d Document> {
    loop {
        if let Some(document) = by_path.get(path) {
            return Some(document);
        }
        path = &path[..path.rfind(['.', '['])?];
    }
}

/// Those that nobody blames; of the others the ones of `running`, unless it is these that are blamed.
fn without(
    chosen: Vec<Document>,
    blamed: &BTreeMap<Key, Vec<Problem>>,
    running: &[Document],
) -> Vec<Document> {
    let kept = chosen.into_iter().filter_map(|document| {
        if !blamed.contains_key(&key(&document)) {
            return Some(document);
        }
        let older = find(running, document.kind, &document.name)?;
        (older.body != document.body).then(|| older.clone())
    });
    kept.collect()
}

fn key(document: &Document) -> Key {
    (document.kind, document.name.clone())
}

/// The document of that name, among those in the order of their kinds and names.
pub(super) fn find<'d>(
    documents: &'d [Document],
    kind: DocumentKind,
    name: &str,
) -> Option<&'d Document> {
    let found = documents.binary_search_by(|one| (one.kind, &*one.name).cmp(&(kind, name)));
    found.ok().map(|at| &documents[at])
}

fn is_in(documents: &[Document], kind: DocumentKind, name: &str) -> bool {
    find(documents, kind, name).is_some()
}
