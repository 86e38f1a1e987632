//! `POST /api/reload`: read the configuration's files now. `GET /api/check`: say what that would
//! bring.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::problem::{Finding, Problem};
use crate::state::AdminState;

#[derive(Serialize)]
pub(crate) struct Reload {
    /// Whether another snapshot runs now.
    changed: bool,
    number: u64,
    generation: String,
    warnings: Vec<Finding>,
}

pub(crate) async fn reload(State(state): State<AdminState>) -> Result<Json<Reload>, Problem> {
    let live = Arc::clone(&state.live);
    let reloaded = tokio::task::spawn_blocking(move || live.reload()).await;
    let reloaded = reloaded.map_err(|error| {
        tracing::error!(%error, "the reload did not end");
        Problem::internal()
    })?;
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
    Ok(Json(Reload {
        changed: reloaded.changed,
        number: reloaded.number,
        generation: reloaded.generation.to_string(),
        warnings: reloaded.warnings.into_iter().map(Finding::from).collect(),
    }))
}

#[derive(Serialize)]
pub(crate) struct Check {
    warnings: Vec<Finding>,
}

pub(crate) async fn check(State(state): State<AdminState>) -> Result<Json<Check>, Problem> {
    let live = Arc::clone(&state.live);
    let checked = tokio::task::spawn_blocking(move || live.check()).await;
    let checked = checked.map_err(|error| {
        tracing::error!(%error, "the check did not end");
        Problem::internal()
    })?;
    let warnings = checked.map_err(Problem::does_not_compile)?;
    Ok(Json(Check {
        warnings: warnings.into_iter().map(Finding::from).collect(),
    }))
}
