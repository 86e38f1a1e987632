//! `/api/groups`: groups of callers and channels.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use config::rows::DocumentKind;
use config::snapshot::AUTO;

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

/// Removes a group of the store, unless the configuration needs it.
#[utoipa::path(delete, path = "/api/groups/{name}", tag = "groups", params(("name" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn remove(edit: Edit) -> Result<StatusCode, Problem> {
    edit.remove(KIND).await
}
