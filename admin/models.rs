//! `/api/models`: prices, sizes and limits of models.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use config::rows::DocumentKind;

use crate::body::Members;
use crate::condition::{Meant, Tagged};
use crate::documents::{self, Edit, Item};
use crate::effective;
use crate::page::{Listed, Paging};
use crate::path::Named;
use crate::problem::Problem;
use crate::query::Given;
use crate::state::AdminState;

const KIND: DocumentKind = DocumentKind::Model;

/// The models of the configuration that runs, those that are built in among them.
fn known(state: &AdminState) -> BTreeMap<String, Item> {
    let snapshot = state.live.full();
    let models = snapshot.prices.entries().map(|(name, entry)| {
        let origin = snapshot.origin(KIND, name);
        let item = Item::elsewhere(name, origin, effective::model(entry));
        (name.to_owned(), item)
    });
    models.collect()
}

/// Models in the order of their names, wherever they come from.
#[utoipa::path(get, path = "/api/models", tag = "models", params(Paging),
    responses((status = 200, body = Listed<Item>), (status = 400, body = Problem)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<Paging>,
) -> Result<Json<Listed<Item>>, Problem> {
    documents::list(state, KIND, asked, known).await.map(Json)
}

/// One model.
#[utoipa::path(get, path = "/api/models/{name}", tag = "models", params(("name" = String, Path)),
    responses((status = 200, body = Item), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(name): Named,
) -> Result<Tagged<Item>, Problem> {
    documents::show(state, KIND, name, known).await
}

/// Adds a model: its `name`, and what an entry of `models` says.
#[utoipa::path(post, path = "/api/models", tag = "models",
    request_body(content = Object, example = json!({"name": "my-model", "price": {"input": 2.5, "output": 10}, "max_output": 16384})),
    responses((status = 201, body = Item), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    body: Members,
) -> Result<Tagged<Item>, Problem> {
    documents::create(state, KIND, body).await
}

/// Replaces what a model says.
#[utoipa::path(put, path = "/api/models/{name}", tag = "models", params(("name" = String, Path), Meant),
    request_body(content = Object, example = json!({"price": {"input": 2, "output": 8}})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn put(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.put(KIND).await
}

/// Changes a model (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/models/{name}", tag = "models", params(("name" = String, Path), Meant),
    request_body(content = Object, content_type = "application/merge-patch+json", example = json!({"context": 128000})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn patch(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.patch(KIND).await
}

/// Removes a model of the store, unless the configuration needs it.
#[utoipa::path(delete, path = "/api/models/{name}", tag = "models", params(("name" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn remove(edit: Edit) -> Result<StatusCode, Problem> {
    edit.remove(KIND).await
}
