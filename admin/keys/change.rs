//! Making, changing and deleting keys.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use config::rows::KeyRow;
use store::Change;

use super::secret::NewKey;
use super::{Key, found, owner, settings, subject, tagged, view};
use crate::body::Members;
use crate::condition::{IfMatch, Meant, Tagged, attempts};
use crate::deed::{self, deed, new_id};
use crate::names::why_no_name;
use crate::patch::merge;
use crate::path::Named;
use crate::problem::Problem;
use crate::said::{Said, object};
use crate::state::AdminState;
use crate::users::ROOT;

/// Makes a key. The answer shows it, once; the store keeps its hash.
#[utoipa::path(post, path = "/api/keys", tag = "keys", request_body = Key,
    responses((status = 201, body = Key), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    body: Members,
) -> Result<Tagged<Key>, Problem> {
    state.work(move |state| add(state, Said::new(body))).await
}

fn add(state: &AdminState, mut said: Said) -> Result<Tagged<Key>, Problem> {
    let user = said.text("user").unwrap_or_else(|| ROOT.into());
    let name = said.name(why_no_name);
    let Some(owner) = owner(state, &user)? else {
        said.finding("user", "no such user");
        said.check()?;
        return Err(Problem::internal());
    };
    let settings = settings(state, &owner, &mut said, None)?;
    let key = NewKey::new()?;
    let now = deed::now();
    let row = KeyRow {
        id: new_id(),
        user,
        name,
        hash: key.hash,
        previous: None,
        hint: key.hint,
        settings,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        revision: 0,
    };
    let became = view::told(&row);
    let deed = deed("key.create", subject(&row.id), None, Some(&became), now);
    let Some(revision) = state.change(Change::AddKey(&row), &deed, now)? else {
        let detail = format!("{} has a key {} already", row.user, row.name);
        return Err(Problem::conflict(detail));
    };
    // Nothing was spent with it, and nothing may fail before its holder has it.
    let made = Key::stored(&KeyRow { revision, ..row }, &HashMap::new());
    Ok(Tagged::created(revision, made.revealed(key.text)))
}

/// Changes settings of a key (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/keys/{id}", tag = "keys",
    params(("id" = String, Path), Meant),
    request_body(content = Key, content_type = "application/merge-patch+json"),
    responses((status = 200, body = Key), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn update(
    State(state): State<AdminState>,
    Named(id): Named,
    if_match: IfMatch,
    Members(patch): Members,
) -> Result<Tagged<Key>, Problem> {
    let updated = state.work(move |state| {
        attempts(|| {
            let row = found(state, &id)?;
            if_match.check(row.revision)?;
            let mut members = object(&row.settings);
            merge(&mut members, patch.clone());
            let next = patched(state, &row, Said::new(Members(members)))?;
            let now = next.updated_at;
            let (was, became) = (view::told(&row), view::told(&next));
            let deed = deed("key.update", subject(&id), Some(&was), Some(&became), now);
            if let Some(revision) = state.change(Change::SetKey(&next), &deed, now)? {
                return tagged(state, KeyRow { revision, ..next }).map(Some);
            }
            taken(state, &row, &next.name)
        })
    });
    updated.await
}

/// The row as its settings are said now; `name` and `user` may stand among them.
fn patched(state: &AdminState, row: &KeyRow, mut said: Said) -> Result<KeyRow, Problem> {
    if said.text("user").is_some_and(|user| user != row.user) {
        said.finding("user", "the owner cannot be changed");
    }
    let name = said.text("name").unwrap_or_else(|| row.name.clone());
    if let Some(what) = why_no_name(&name) {
        said.finding("name", what);
    }
    let Some(owner) = owner(state, &row.user)? else {
        return Err(Problem::conflict(format!("its owner {} is gone", row.user)));
    };
    Ok(KeyRow {
        settings: settings(state, &owner, &mut said, Some(row))?,
        name,
        updated_at: deed::now(),
        ..row.clone()
    })
}

/// A row that nobody else changed and still did not take a new name: that name is taken.
fn taken<T>(state: &AdminState, row: &KeyRow, name: &str) -> Result<Option<T>, Problem> {
    let same = found(state, &row.id)?.revision == row.revision;
    match same && row.name != name {
        true => Err(Problem::conflict(format!(
            "{} has a key {name} already",
            row.user
        ))),
        false => Ok(None),
    }
}

/// Deletes a key: it is refused from now on. What it spent stays in the books.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys",
    params(("id" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem)))]
pub(crate) async fn remove(
    State(state): State<AdminState>,
    Named(id): Named,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let removed = state.work(move |state| attempts(|| remove_row(state, &id, &if_match)));
    removed.await.map(|()| StatusCode::NO_CONTENT)
}

/// Deletes the key if it is still what was read; `None`: it is not.
pub(crate) fn remove_row(
    state: &AdminState,
    id: &str,
    if_match: &IfMatch,
) -> Result<Option<()>, Problem> {
    let row = found(state, id)?;
    if_match.check(row.revision)?;
    let now = deed::now();
    let was = view::told(&row);
    let next = KeyRow {
        deleted_at: Some(now),
        ..row
    };
    let deed = deed("key.delete", subject(id), Some(&was), None, now);
    Ok(state.change(Change::SetKey(&next), &deed, now)?.map(drop))
}
