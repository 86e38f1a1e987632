//! `POST /api/reload`: read the configuration's files now. `GET /api/check`: say what that would
//! bring.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::deed::{self, deed};
use crate::problem::{Finding, Problem};
use crate::state::AdminState;

#[derive(Serialize, ToSchema)]
pub(crate) struct Reload {
    /// Whether another snapshot runs now.
    changed: bool,
    number: u64,
    generation: String,
    warnings: Vec<Finding>,
}

/// Reads the files of the configuration again, now.
#[utoipa::path(post, path = "/api/reload", tag = "configuration",
    responses((status = 200, body = Reload), (status = 422, body = Problem)))]
pub(crate) async fn reload(State(state): State<AdminState>) -> Result<Json<Reload>, Problem> {
    let was = ran(&state);
    let reloaded = state.work(|state| Ok(state.live.reload())).await?;
    let reloaded = reloaded.map_err(|problems| {
        let count = problems.len();
        tracing::error!(
            count,
            "reload over the admin API: the configuration does not compile"
        );
        Problem::does_not_compile(problems)
    })?;
    if reloaded.changed {
        state.gateway.reloaded();
    }
    tracing::info!(
        generation = %reloaded.generation,
        changed = reloaded.changed,
        "configuration reloaded over the admin API"
    );
    let became = ran(&state);
    let subject = "configuration".to_owned();
    let deed = deed(
        "configuration.reload",
        subject,
        Some(&was),
        Some(&became),
        deed::now(),
    );
    state.note(deed).await;
    Ok(Json(Reload {
        changed: reloaded.changed,
        number: reloaded.number,
        generation: reloaded.generation.to_string(),
        warnings: reloaded.warnings.into_iter().map(Finding::from).collect(),
    }))
}

/// What runs, as the audit log tells it.
fn ran(state: &AdminState) -> Value {
    let snapshot = state.live.load();
    json!({ "number": snapshot.number, "generation": &*snapshot.generation })
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Check {
    warnings: Vec<Finding>,
}

/// What a reload would bring. Takes nothing up.
#[utoipa::path(get, path = "/api/check", tag = "configuration",
    responses((status = 200, body = Check), (status = 422, body = Problem)))]
pub(crate) async fn check(State(state): State<AdminState>) -> Result<Json<Check>, Problem> {
    let checked = state.work(|state| Ok(state.live.check())).await?;
    let warnings = checked.map_err(Problem::does_not_compile)?;
    Ok(Json(Check {
        warnings: warnings.into_iter().map(Finding::from).collect(),
    }))
}
