//! What has to hold before a document is kept.

use config::rows::{Document, DocumentKind};
use serde_json::{Map, Value};

use super::{is_too_long, secrets};
use crate::problem::Problem;
use crate::said::Said;
use crate::state::AdminState;

/// The configuration with `next` in the place of the document of that name, or without one.
pub(super) fn try_out(
    state: &AdminState,
    mut documents: Vec<Document>,
    kind: DocumentKind,
    name: &str,
    next: Option<&Document>,
) -> Result<(), Problem> {
    documents.retain(|document| document.kind != kind || document.name != name);
    documents.extend(next.cloned());
    let tried = state.live.check_documents(documents);
    tried.map(drop).map_err(|mut problems| {
        problems.retain(config::Problem::is_error);
        Problem::does_not_compile(problems)
    })
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
