//! What has to hold before a document is kept.

use config::rows::{Document, DocumentKind};
use serde_json::{Map, Value};

use super::{is_too_long, secrets};
use crate::problem::Problem;
use crate::said::{Said, is_known};
use crate::state::AdminState;

/// The configuration with `next` in the place of the document of that name, or without one.
pub(super) fn try_out(
    state: &AdminState,
    documents: Vec<Document>,
    kind: DocumentKind,
    name: &str,
    next: Option<&Document>,
) -> Result<(), Problem> {
    let others = documents
        .iter()
        .filter(|document| document.kind != kind || document.name != name);
    let tried: Vec<Document> = others.chain(next).cloned().collect();
    let is_new = tried.len() > documents.len();
    let wrong = errors(state, tried);
    if wrong.is_empty() || !is_new && is_repair(&errors(state, documents), &wrong) {
        return Ok(());
    }
    Err(Problem::does_not_compile(wrong))
}

fn errors(state: &AdminState, documents: Vec<Document>) -> Vec<config::Problem> {
    let mut problems = state
        .live
        .check_documents(documents)
        .err()
        .unwrap_or_default();
    problems.retain(config::Problem::is_error);
    problems
}

/// Whether less is wrong than before, and nothing new: what is broken in several places, for want of an
/// `encryption_key` say, must be put right one place at a time.
fn is_repair(before: &[config::Problem], after: &[config::Problem]) -> bool {
    after.len() < before.len() && after.iter().all(|one| is_known(one, before))
}

/// What is kept of a body: secrets sealed, members that are null left out.
pub(super) fn settings(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    mut said: Said,
    stored: Option<&Map<String, Value>>,
) -> Result<String, Problem> {
    said.members.retain(|_, value| !value.is_null());
    if kind == DocumentKind::Channel {
        let snapshot = state.live.load();
        secrets::seal(name, &mut said, stored, snapshot.sealer.as_ref());
    }
    let body = Value::Object(said.members.clone()).to_string();
    if is_too_long(&body) {
        said.finding("", "says more than the store can keep of one");
    }
    said.check()?;
    Ok(body)
}
