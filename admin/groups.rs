//! `/api/groups`: groups of callers and channels.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use config::rows::DocumentKind;
use config::snapshot::AUTO;
use serde::Deserialize;

use crate::body::Members;
use crate::condition::{Meant, Tagged};
use crate::documents::{self, Edit, Item};
use crate::effective;
use crate::page::{Listed, Paging};
use crate::path::Named;
use crate::problem::Problem;
use crate::query::Given;
use crate::state::AdminState;

const KIND: DocumentKind = DocumentKind::Group;
/// Members of a group that are named when it cannot be removed.
const TOLD: usize = 5;

/// The groups of the configuration that runs. `auto` is there when it tries any.
fn known(state: &AdminState) -> BTreeMap<String, Item> {
    let snapshot = state.live.full();
    let item = |name: &str, settings| {
        let origin = snapshot.origin(KIND, name);
        (name.to_owned(), Item::elsewhere(name, origin, settings))
    };
    let groups = snapshot.groups.iter();
    let mut items: BTreeMap<_, _> = groups
        .map(|(name, group)| item(name, effective::group(group)))
        .collect();
    let order: Vec<&str> = snapshot.auto().collect();
    if !order.is_empty() {
        items.extend([item(AUTO, effective::auto(&order))]);
    }
    items
}

/// Groups in the order of their names, wherever they come from.
#[utoipa::path(get, path = "/api/groups", tag = "groups", params(Paging),
    responses((status = 200, body = Listed<Item>), (status = 400, body = Problem)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<Paging>,
) -> Result<Json<Listed<Item>>, Problem> {
    documents::list(state, KIND, asked, known).await.map(Json)
}

/// One group.
#[utoipa::path(get, path = "/api/groups/{name}", tag = "groups", params(("name" = String, Path)),
    responses((status = 200, body = Item), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(name): Named,
) -> Result<Tagged<Item>, Problem> {
    documents::show(state, KIND, name, known).await
}

/// Adds a group: its `name`, and what an entry of `groups` says.
#[utoipa::path(post, path = "/api/groups", tag = "groups",
    request_body(content = Object, example = json!({"name": "vip", "ratio": 0.8, "usable_by": ["vip"]})),
    responses((status = 201, body = Item), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    body: Members,
) -> Result<Tagged<Item>, Problem> {
    documents::create(state, KIND, body).await
}

/// Replaces what a group says.
#[utoipa::path(put, path = "/api/groups/{name}", tag = "groups", params(("name" = String, Path), Meant),
    request_body(content = Object, example = json!({"ratio": 0.9})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn put(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.put(KIND).await
}

/// Changes a group (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/groups/{name}", tag = "groups", params(("name" = String, Path), Meant),
    request_body(content = Object, content_type = "application/merge-patch+json", example = json!({"usable_by": null})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn patch(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.patch(KIND).await
}

/// Removes a group of the store, unless the configuration, a user or a key needs it.
#[utoipa::path(delete, path = "/api/groups/{name}", tag = "groups", params(("name" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn remove(edit: Edit) -> Result<StatusCode, Problem> {
    edit.remove_unless(KIND, members).await
}

/// Refuses when users or keys of the store are in the group: they would be served nothing, and nobody
/// would see why.
fn members(state: &AdminState, name: &str) -> Result<(), Problem> {
    let (users, keys) = (state.store.users_since(0)?, state.store.keys_since(0)?);
    let users = users.iter().flatten().filter(|user| {
        user.deleted_at.is_none() && group_of(&user.settings).as_deref() == Some(name)
    });
    let keys = keys
        .iter()
        .flatten()
        .filter(|key| key.deleted_at.is_none() && group_of(&key.settings).as_deref() == Some(name));
    let users = users.map(|user| format!("user {}", user.name));
    let keys = keys.map(|key| format!("key {} of {}", key.name, key.user));
    let mut all = users.chain(keys);
    let told: Vec<String> = all.by_ref().take(TOLD).collect();
    if told.is_empty() {
        return Ok(());
    }
    let more = match all.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Problem::conflict(format!(
        "{}{more} are in the group {name}: move them to another one first",
        told.join(", ")
    )))
}

/// The group that a row's settings name.
fn group_of(settings: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Settings {
        group: Option<String>,
    }
    serde_json::from_str::<Settings>(settings).ok()?.group
}
