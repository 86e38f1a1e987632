//! `/api/channels`: the upstream accounts of the files and of the store, and how they are.

pub(crate) mod health;
pub(crate) mod test;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use config::rows::{Document, DocumentKind};
use config::snapshot::Channel;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::health::{Clock, Health};
use crate::body::Members;
use crate::condition::{Meant, Tagged};
use crate::documents::{self, Edit, Item};
use crate::effective;
use crate::path::Named;
use crate::problem::Problem;
use crate::state::AdminState;

const KIND: DocumentKind = DocumentKind::Channel;

#[derive(Serialize, ToSchema)]
pub(crate) struct Channels {
    items: Vec<Shown>,
}

/// A channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct Shown {
    #[serde(flatten)]
    health: Health,
    /// `file` (read-only) or `store`.
    #[schema(value_type = String)]
    origin: &'static str,
    /// In the words of the configuration; of provider keys, fingerprints. Of channels of the files what
    /// runs, else what was sent.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// Of a row of the store; what `ETag` says.
    revision: Option<u64>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Shown {
    fn running(state: &AdminState, channel: &Channel, document: Option<&Document>) -> Shown {
        let snapshot = state.live.load();
        let origin = snapshot.origin(KIND, &channel.name);
        let item = match document {
            Some(document) => documents::stored(state, document),
            None => Item::elsewhere(&channel.name, origin, effective::channel(channel)),
        };
        Shown::new(Clock::now().channel(channel), item)
    }

    /// Of the store, and not taken up by this node: a moment ago it was not there, or it does not
    /// compile.
    fn waiting(state: &AdminState, document: &Document) -> Shown {
        let item = documents::stored(state, document);
        Shown::new(Health::waiting(&item.name, &item.settings), item)
    }

    fn new(health: Health, item: Item) -> Shown {
        Shown {
            health,
            origin: item.origin,
            settings: item.settings,
            revision: item.revision,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

/// All channels, in the order of the configuration.
#[utoipa::path(get, path = "/api/channels", tag = "channels",
    responses((status = 200, body = Channels)))]
pub(crate) async fn list(State(state): State<AdminState>) -> Result<Json<Channels>, Problem> {
    state.work(|state| Ok(Json(all(state)))).await
}

fn all(state: &AdminState) -> Channels {
    // How channels are is told without the store too.
    let rows = state.store.documents().unwrap_or_else(|error| {
        tracing::warn!(%error, "channels are shown without the store");
        Vec::new()
    });
    let rows = rows.iter().filter(|document| document.kind == KIND);
    let mut rows: BTreeMap<&str, &Document> = rows.map(|one| (&*one.name, one)).collect();
    let snapshot = state.live.full();
    let running = snapshot.channels.iter();
    let running = running.map(|channel| {
        let document = rows.remove(&*channel.name);
        Shown::running(state, channel, document)
    });
    let mut items: Vec<Shown> = running.collect();
    items.extend(
        rows.values()
            .map(|document| Shown::waiting(state, document)),
    );
    Channels { items }
}

/// One channel.
#[utoipa::path(get, path = "/api/channels/{name}", tag = "channels", params(("name" = String, Path)),
    responses((status = 200, body = Shown), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(name): Named,
) -> Result<Tagged<Shown>, Problem> {
    let shown = state.work(move |state| {
        let items = all(state).items;
        let shown = items.into_iter().find(|shown| shown.health.name == name);
        let shown = shown.ok_or_else(|| Problem::not_found(format!("no channel {name}")))?;
        Ok(Tagged::ok(shown.revision.unwrap_or(0), shown))
    });
    shown.await
}

/// Adds a channel: what an item of `channels` says. Provider keys are encrypted before they are stored.
#[utoipa::path(post, path = "/api/channels", tag = "channels",
    request_body(content = Object,
        example = json!({"name": "openai-2", "provider": "openai", "keys": ["PROVIDER_KEY"], "models": ["gpt-4o"]})),
    responses((status = 201, body = Item), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    body: Members,
) -> Result<Tagged<Item>, Problem> {
    documents::create(state, KIND, body).await
}

/// Replaces what a channel says. Without `keys`, and where a fingerprint is sent, its keys stay.
#[utoipa::path(put, path = "/api/channels/{name}", tag = "channels", params(("name" = String, Path), Meant),
    request_body(content = Object, example = json!({"provider": "openai", "models": ["gpt-4o", "o3*"]})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn put(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.put(KIND).await
}

/// Changes a channel (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/channels/{name}", tag = "channels", params(("name" = String, Path), Meant),
    request_body(content = Object, content_type = "application/merge-patch+json", example = json!({"enabled": false})),
    responses((status = 200, body = Item), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn patch(edit: Edit) -> Result<Tagged<Item>, Problem> {
    edit.patch(KIND).await
}

/// Removes a channel of the store.
#[utoipa::path(delete, path = "/api/channels/{name}", tag = "channels", params(("name" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem)))]
pub(crate) async fn remove(edit: Edit) -> Result<StatusCode, Problem> {
    edit.remove(KIND).await
}
