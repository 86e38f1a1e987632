//! Adding, changing and removing documents. Each change is tried out with the files and all other
//! documents before it is kept, so that what is in the store compiles.

use config::rows::{Document, DocumentKind};
use serde_json::{Map, Value};
use store::Change;

use super::check::{settings, try_out};
use super::{MAX_NAME, find, found, is_of_file, of_file, told};
use crate::body::Members;
use crate::condition::{IfMatch, attempts};
use crate::deed::{self, deed};
use crate::names::why_unseen;
use crate::patch::merge;
use crate::problem::Problem;
use crate::said::{Said, object};
use crate::state::AdminState;

/// Adds a document, whose name is in the body.
pub(crate) fn create(
    state: &AdminState,
    kind: DocumentKind,
    body: Members,
) -> Result<Document, Problem> {
    let mut said = Said::new(body);
    // Models have slashes in theirs.
    let name = said.name(|name| why_unseen(name, MAX_NAME));
    add(state, kind, &name, said)
}

/// All documents, and how many changes there were before they were read: if one comes between, the count
/// tells.
pub(crate) fn read(state: &AdminState) -> Result<(u64, Vec<Document>), Problem> {
    let counted = state.store.revisions()?.configuration;
    Ok((counted, state.store.documents()?))
}

fn add(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    said: Said,
) -> Result<Document, Problem> {
    if is_of_file(&state.live.load(), kind, name) {
        return Err(of_file(kind, name));
    }
    if find(&state.store.documents()?, kind, name).is_some() {
        return Err(taken(kind, name));
    }
    let now = deed::now();
    let document = Document {
        kind,
        name: name.to_owned(),
        body: settings(state, kind, name, said, None)?,
        created_at: now,
        updated_at: now,
        revision: 0,
    };
    let became = told(state, &document);
    attempts(|| {
        let (counted, documents) = read(state)?;
        if find(&documents, kind, name).is_some() {
            return Err(taken(kind, name));
        }
        try_out(state, documents, kind, name, Some(&document))?;
        let deed = deed(
            &action(kind, "create"),
            subject(kind, name),
            None,
            Some(&became),
            now,
        );
        let made = state.change_beside(counted, Change::AddDocument(&document), &deed, now)?;
        Ok(made.map(|revision| Document {
            revision,
            ..document.clone()
        }))
    })
}

/// Replaces all that a document says. Secrets that are left out, or sent as they are shown, stay.
pub(crate) fn put(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    if_match: &IfMatch,
    Members(members): &Members,
) -> Result<Document, Problem> {
    edit(state, kind, name, if_match, |stored| {
        let mut next = members.clone();
        if let Some(keys) = stored.get("keys").filter(|_| kind == DocumentKind::Channel)
            && !next.contains_key("keys")
        {
            next.insert("keys".into(), keys.clone());
        }
        next
    })
}

/// Changes a document (JSON Merge Patch).
pub(crate) fn patch(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    if_match: &IfMatch,
    Members(members): &Members,
) -> Result<Document, Problem> {
    edit(state, kind, name, if_match, |stored| {
        let mut next = stored.clone();
        merge(&mut next, members.clone());
        next
    })
}

fn edit(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    if_match: &IfMatch,
    change: impl Fn(&Map<String, Value>) -> Map<String, Value>,
) -> Result<Document, Problem> {
    attempts(|| {
        let (counted, documents) = read(state)?;
        let document = found(state, &documents, kind, name)?;
        if_match.check(document.revision)?;
        let stored = object(&document.body);
        let mut said = Said::new(Members(change(&stored)));
        said.same_name(name);
        let next = Document {
            body: settings(state, kind, name, said, Some(&stored))?,
            updated_at: deed::now(),
            ..document.clone()
        };
        try_out(state, documents, kind, name, Some(&next))?;
        store_as(state, "update", counted, &document, next)
    })
}

/// Keeps `next` in the place of `document`; `None`: somebody else changed that, or another document since
/// there were `counted` changes.
pub(crate) fn store_as(
    state: &AdminState,
    what: &str,
    counted: u64,
    document: &Document,
    next: Document,
) -> Result<Option<Document>, Problem> {
    let (kind, name, now) = (next.kind, &next.name, next.updated_at);
    let (was, became) = (told(state, document), told(state, &next));
    let deed = deed(
        &action(kind, what),
        subject(kind, name),
        Some(&was),
        Some(&became),
        now,
    );
    let changed = state.change_beside(counted, Change::SetDocument(&next), &deed, now)?;
    Ok(changed.map(|revision| Document { revision, ..next }))
}

/// Takes a document away, unless the others need it.
pub(crate) fn remove(
    state: &AdminState,
    kind: DocumentKind,
    name: &str,
    if_match: &IfMatch,
) -> Result<(), Problem> {
    attempts(|| {
        let (counted, documents) = read(state)?;
        let document = found(state, &documents, kind, name)?;
        if_match.check(document.revision)?;
        try_out(state, documents, kind, name, None)?;
        let now = deed::now();
        let was = told(state, &document);
        let deed = deed(
            &action(kind, "delete"),
            subject(kind, name),
            Some(&was),
            None,
            now,
        );
        let removed =
            state.change_beside(counted, Change::RemoveDocument(&document), &deed, now)?;
        Ok(removed.map(drop))
    })
}

fn taken(kind: DocumentKind, name: &str) -> Problem {
    Problem::conflict(format!("there is a {} {name} already", kind.as_str()))
}

fn action(kind: DocumentKind, what: &str) -> String {
    format!("{}.{what}", kind.as_str())
}

fn subject(kind: DocumentKind, name: &str) -> String {
    format!("{}:{name}", kind.as_str())
}
