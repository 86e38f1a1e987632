//! `GET /api/health`: how the process is.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AdminState;

/// The answer; always 200, because it is a report: `/readyz` of the gateway is for balancers.
#[derive(Serialize, ToSchema)]
#[schema(as = ProcessHealth)]
pub(crate) struct Health {
    /// `ok`, or `degraded` when something below is not.
    #[schema(value_type = String)]
    status: &'static str,
    #[schema(value_type = String)]
    version: &'static str,
    uptime_s: u64,
    store: StoreHealth,
    config: ConfigHealth,
    ledger_queue: usize,
    in_flight: usize,
}

#[derive(Serialize, ToSchema)]
struct StoreHealth {
    ok: bool,
}

#[derive(Serialize, ToSchema)]
struct ConfigHealth {
    number: u64,
    generation: String,
    /// Whether the files and the documents of the store compiled when they were last read.
    valid: bool,
    /// Rows of the store that are not in force, because they are wrong: `/api/config` names them.
    rows_unreadable: usize,
    /// Reloads that brought a change which waits for a restart.
    restarts_needed: u64,
}

/// How the process is.
#[utoipa::path(get, path = "/api/health", tag = "process", responses((status = 200, body = Health)))]
pub(crate) async fn show(State(state): State<AdminState>) -> Json<Health> {
    let store = state.ask(|store| store.ping()).await.is_ok();
    let snapshot = state.live.full();
    let valid = state.live.is_valid();
    let rows_unreadable = state.live.rows_unreadable();
    let well = store && valid && rows_unreadable == 0;
    Json(Health {
        status: if well { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: state.started.elapsed().as_secs(),
        store: StoreHealth { ok: store },
        config: ConfigHealth {
            number: snapshot.number,
            generation: snapshot.generation.to_string(),
            valid,
            rows_unreadable,
            restarts_needed: state.live.restarts_needed(),
        },
        ledger_queue: state.gateway.ledger_queue(),
        in_flight: state.gateway.in_flight(),
    })
}
