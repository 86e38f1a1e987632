//! `POST /api/encryption/rotate`: provider keys of the store under the key that seals now.

use axum::Json;
use axum::extract::State;
use config::rows::{Document, DocumentKind};
use config::seal::Sealer;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::condition::attempts;
use crate::deed;
use crate::documents::{self, Resealed};
use crate::problem::Problem;
use crate::said::object;
use crate::state::AdminState;

/// How many provider keys of the store there are, by what became of them.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Rotated {
    /// Sealed anew, with the first `encryption_key`.
    resealed: usize,
    /// Sealed with it before.
    current: usize,
    /// Sealed with a key that is not in the configuration: set them anew.
    unopened: usize,
    /// The channels of these.
    unopened_channels: Vec<String>,
}

/// Seals anew every provider key that is not sealed with the first `encryption_key`. Afterwards the
/// others may be taken out of the configuration.
#[utoipa::path(post, path = "/api/encryption/rotate", tag = "configuration",
    responses((status = 200, body = Rotated), (status = 409, body = Problem)))]
pub(crate) async fn rotate(State(state): State<AdminState>) -> Result<Json<Rotated>, Problem> {
    state.work(rotate_all).await.map(Json)
}

fn rotate_all(state: &AdminState) -> Result<Rotated, Problem> {
    let snapshot = state.live.full();
    let sealer = snapshot.sealer.as_ref();
    let sealer = sealer.ok_or_else(|| Problem::conflict("there is no encryption_key"))?;
    let mut rotated = Rotated::default();
    let documents = state.store.documents()?;
    let channels = documents
        .into_iter()
        .filter(|one| one.kind == DocumentKind::Channel);
    for name in channels.map(|channel| channel.name) {
        let Resealed {
            anew,
            current,
            unopened,
        } = attempts(|| rotate_one(state, sealer, &name))?;
        rotated.resealed += anew;
        rotated.current += current;
        rotated.unopened += unopened;
        if unopened > 0 {
            rotated.unopened_channels.push(name);
        }
    }
    Ok(rotated)
}

/// `None`: the channel changed meanwhile.
fn rotate_one(
    state: &AdminState,
    sealer: &Sealer,
    name: &str,
) -> Result<Option<Resealed>, Problem> {
    let (counted, documents) = documents::read(state)?;
    let Some(document) = documents::find(&documents, DocumentKind::Channel, name) else {
        return Ok(Some(Resealed::default()));
    };
    let mut settings = object(&document.body);
    let resealed = documents::reseal(name, &mut settings, sealer);
    if resealed.anew == 0 {
        return Ok(Some(resealed));
    }
    let next = Document {
        body: Value::Object(settings).to_string(),
        updated_at: deed::now(),
        ..document.clone()
    };
    let kept = documents::store_as(state, "reseal", counted, document, next)?;
    Ok(kept.map(|_| resealed))
}
