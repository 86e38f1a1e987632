//! `/api/keys`: gateway keys of the store, and those of the files to look at.

pub(crate) mod change;
pub(crate) mod rotate;
mod secret;
mod view;

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use config::rows::{KeyRow, UserRow};
use config::snapshot::Token;
use jiff::Timestamp;
use ledger::book::{Purse, key_account};
use store::KeySearch;

use crate::condition::Tagged;
use crate::page::{Listed, OfUser, limit};
use crate::path::Named;
use crate::problem::Problem;
use crate::query::{Given, given};
use crate::said::Said;
use crate::state::AdminState;
use crate::users::{self, ROOT};

pub(crate) use view::Key;

/// What ids of keys in the files begin with.
const FILE_ID: &str = "yaml:";

/// Keys in the order of their ids; on the first page, those of the files before them.
#[utoipa::path(get, path = "/api/keys", tag = "keys", params(OfUser),
    responses((status = 200, body = Listed<Key>)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<OfUser>,
) -> Result<Json<Listed<Key>>, Problem> {
    let limit = limit(&asked.limit)?;
    let search = KeySearch {
        user: given("user", &asked.user)?,
        after: given("cursor", &asked.cursor)?,
        limit: limit + 1,
    };
    state
        .work(move |state| page(state, &search, limit))
        .await
        .map(Json)
}

fn page(state: &AdminState, search: &KeySearch, limit: usize) -> Result<Listed<Key>, Problem> {
    let rows = state.store.keys(search)?;
    let user = search.user.as_deref();
    let snapshot = state.live.full();
    let mut files: Vec<&Token> =
        match search.after.is_none() && user.is_none_or(|user| user == ROOT) {
            true => snapshot.tokens.values().map(|token| &**token).collect(),
            false => Vec::new(),
        };
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let ids = files.iter().map(|token| &*token.id);
    let purses = purses(state, ids.chain(rows.iter().map(|row| &*row.id)))?;
    let stored = Listed::keyed(
        rows,
        limit,
        |row| row.id.clone(),
        |row| Key::stored(&row, &purses),
    );
    let files = files.iter().map(|token| Key::of_file(token, &purses));
    Ok(Listed {
        items: files.chain(stored.items).collect(),
        next: stored.next,
    })
}

/// One key, with what it has spent.
#[utoipa::path(get, path = "/api/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = Key), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(id): Named,
) -> Result<Tagged<Key>, Problem> {
    let shown = state.work(move |state| match of_file(state, &id) {
        Some(token) => {
            let purses = purses(state, [&*token.id].into_iter())?;
            Ok(Tagged::ok(0, Key::of_file(&token, &purses)))
        }
        None => tagged(state, found(state, &id)?),
    });
    shown.await
}

/// The key of the files with that id.
fn of_file(state: &AdminState, id: &str) -> Option<std::sync::Arc<Token>> {
    let snapshot = state.live.full();
    snapshot
        .tokens
        .values()
        .find(|token| *token.id == *id)
        .cloned()
}

/// The key of the store that is not deleted.
fn found(state: &AdminState, id: &str) -> Result<KeyRow, Problem> {
    if id.starts_with(FILE_ID) && of_file(state, id).is_some() {
        let detail = format!("{id} is in the files: change it there");
        return Err(Problem::conflict(detail));
    }
    let row = state.store.key(id)?;
    row.ok_or_else(|| Problem::not_found(format!("no key {id}")))
}

/// A key's owner. Root has no row: its keys are the operator's own.
fn owner(state: &AdminState, name: &str) -> Result<Option<UserRow>, Problem> {
    if name == ROOT {
        return Ok(Some(UserRow {
            name: ROOT.into(),
            settings: "{}".into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
            revision: 0,
        }));
    }
    Ok(state.store.user(name)?)
}

/// The settings a body says, checked against the rights of its owner; `before` is the key as it is.
fn settings(
    state: &AdminState,
    owner: &UserRow,
    said: &mut Said,
    before: Option<&KeyRow>,
) -> Result<String, Problem> {
    view::tidy_budget(&mut said.members);
    let settings = said.settings();
    if let Err(problems) = state.live.check_key(owner, &settings) {
        match before {
            Some(row) => {
                said.new_findings(problems, state.live.check_key(owner, &row.settings));
            }
            None => said.findings(problems),
        }
    }
    said.check()?;
    Ok(settings)
}

fn tagged(state: &AdminState, row: KeyRow) -> Result<Tagged<Key>, Problem> {
    let purses = purses(state, [&*row.id].into_iter())?;
    Ok(Tagged::ok(row.revision, Key::stored(&row, &purses)))
}

fn purses<'a>(
    state: &AdminState,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Purse>, Problem> {
    users::purses_of(state, ids.map(key_account))
}

fn subject(id: &str) -> String {
    format!("key:{id}")
}
