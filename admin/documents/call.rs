//! One call that changes or shows a document.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use config::rows::{Document, DocumentKind};

use super::{Item, absent, change, find, view};
use crate::body::Members;
use crate::condition::{IfMatch, Tagged};
use crate::page::{Listed, Paging};
use crate::path::Named;
use crate::problem::Problem;
use crate::state::AdminState;

/// Which document, in which state it is meant, and what is said of it.
pub(crate) struct Edit {
    state: AdminState,
    name: String,
    if_match: IfMatch,
    body: Members,
}

impl FromRequest<AdminState> for Edit {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AdminState) -> Result<Edit, Problem> {
        let (mut parts, body) = request.into_parts();
        let Named(name) = Named::from_request_parts(&mut parts, state).await?;
        let if_match = IfMatch::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        Ok(Edit {
            state: state.clone(),
            name,
            if_match,
            body: Members::from_request(request, state).await?,
        })
    }
}

impl Edit {
    pub(crate) async fn put(self, kind: DocumentKind) -> Result<Tagged<Item>, Problem> {
        self.edited(kind, change::put).await
    }

    pub(crate) async fn patch(self, kind: DocumentKind) -> Result<Tagged<Item>, Problem> {
        self.edited(kind, change::patch).await
    }

    async fn edited(
        self,
        kind: DocumentKind,
        edit: fn(&AdminState, DocumentKind, &str, &IfMatch, &Members) -> Result<Document, Problem>,
    ) -> Result<Tagged<Item>, Problem> {
        let state = self.state.clone();
        let edited = state.work(move |state| {
            let document = edit(state, kind, &self.name, &self.if_match, &self.body)?;
            Ok(tagged(state, &document))
        });
        edited.await
    }

    pub(crate) async fn remove(self, kind: DocumentKind) -> Result<StatusCode, Problem> {
        self.remove_unless(kind, |_, _| Ok(())).await
    }

    /// Removes the document if `may_go` finds nothing that needs it.
    pub(crate) async fn remove_unless(
        self,
        kind: DocumentKind,
        may_go: fn(&AdminState, &str) -> Result<(), Problem>,
    ) -> Result<StatusCode, Problem> {
        let state = self.state.clone();
        let removed = state.work(move |state| {
            may_go(state, &self.name)?;
            change::remove(state, kind, &self.name, &self.if_match)
        });
        removed.await.map(|()| StatusCode::NO_CONTENT)
    }
}

/// Adds a document.
pub(crate) async fn create(
    state: AdminState,
    kind: DocumentKind,
    body: Members,
) -> Result<Tagged<Item>, Problem> {
    let made = state.work(move |state| {
        let document = change::create(state, kind, body)?;
        let made = tagged(state, &document);
        Ok(Tagged::created(made.revision, made.body))
    });
    made.await
}

/// One of the store, or else of `known`: what runs.
pub(crate) async fn show(
    state: AdminState,
    kind: DocumentKind,
    name: String,
    known: fn(&AdminState) -> BTreeMap<String, Item>,
) -> Result<Tagged<Item>, Problem> {
    let shown = state.work(move |state| {
        if let Some(document) = find(&state.store.documents()?, kind, &name) {
            return Ok(tagged(state, document));
        }
        let item = known(state).remove(&name);
        // What is known as the store's, and is there no more.
        let item = item.filter(|item| item.origin != "store");
        let item = item.ok_or_else(|| absent(kind, &name))?;
        Ok(Tagged::ok(0, item))
    });
    shown.await
}

/// A page of those of the store and of `known`, in the order of their names.
pub(crate) async fn list(
    state: AdminState,
    kind: DocumentKind,
    asked: Paging,
    known: fn(&AdminState) -> BTreeMap<String, Item>,
) -> Result<Listed<Item>, Problem> {
    let limit = asked.limit()?;
    let after = asked.cursor::<String>()?.unwrap_or_default();
    let listed = state.work(move |state| {
        let mut items = known(state);
        items.retain(|_, item| item.origin != "store");
        let documents = state.store.documents()?;
        let documents = documents.iter().filter(|document| document.kind == kind);
        items.extend(documents.map(|one| (one.name.clone(), view::stored(state, one))));
        let rest = items.into_iter().filter(|(name, _)| *name > after);
        let rows: Vec<Item> = rest.map(|(_, item)| item).take(limit + 1).collect();
        Ok(Listed::keyed(
            rows,
            limit,
            |item| item.name.clone(),
            |item| item,
        ))
    });
    listed.await
}

fn tagged(state: &AdminState, document: &Document) -> Tagged<Item> {
    Tagged::ok(document.revision, view::stored(state, document))
}
