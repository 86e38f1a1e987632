//! Channels, groups and models of the store, beside those of the files: what one is, all are.

mod call;
mod change;
mod check;
mod secrets;
mod view;

use config::Snapshot;
use config::rows::{Document, DocumentKind};
use config::snapshot::Origin;

use crate::problem::Problem;
use crate::said::MAX_SETTINGS;
use crate::state::AdminState;

pub(crate) use call::{Edit, create, list, show};
pub(crate) use change::{read, store_as};
pub(crate) use secrets::{Resealed, reseal};
pub(crate) use view::{Item, origin_name, stored, told};

/// Characters of a name: what every database keeps of one.
const MAX_NAME: usize = 255;

/// The document of that name, among those of the store.
pub(crate) fn find<'a>(
    documents: &'a [Document],
    kind: DocumentKind,
    name: &str,
) -> Option<&'a Document> {
    let mut documents = documents.iter();
    documents.find(|document| document.kind == kind && document.name == name)
}

/// The document that may be changed: of the store, not of the files.
fn found(
    state: &AdminState,
    documents: &[Document],
    kind: DocumentKind,
    name: &str,
) -> Result<Document, Problem> {
    if let Some(document) = find(documents, kind, name) {
        return Ok(document.clone());
    }
    let snapshot = state.live.load();
    match is_of_file(&snapshot, kind, name) {
        true => Err(of_file(kind, name)),
        false => Err(absent(kind, name)),
    }
}

pub(crate) fn absent(kind: DocumentKind, name: &str) -> Problem {
    Problem::not_found(format!("no {} {name} in the store", kind.as_str()))
}

fn is_of_file(snapshot: &Snapshot, kind: DocumentKind, name: &str) -> bool {
    snapshot.origin(kind, name) == Some(Origin::File)
}

fn of_file(kind: DocumentKind, name: &str) -> Problem {
    let kind = kind.as_str();
    Problem::conflict(format!("{kind} {name} is in the files: change it there"))
}

/// How much a document may say.
fn is_too_long(body: &str) -> bool {
    body.len() > MAX_SETTINGS
}
