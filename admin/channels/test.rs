//! `POST /api/channels/{name}/test`: whether an upstream answers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Members;
use crate::path::Named;
use crate::problem::Problem;
use crate::said::Said;
use crate::state::{AdminState, Tested};

/// What a channel is tested with.
#[derive(Serialize, ToSchema)]
pub(crate) struct Test {
    /// One of its models, where it is not said.
    #[schema(example = "gpt-4o")]
    model: Option<String>,
}

/// Sends one tiny request to the channel's upstream.
#[utoipa::path(post, path = "/api/channels/{name}/test", tag = "channels", params(("name" = String, Path)),
    request_body = Test,
    responses((status = 200, body = Tested), (status = 404, body = Problem), (status = 422, body = Problem),
        (status = 501, body = Problem)))]
pub(crate) async fn test(
    State(state): State<AdminState>,
    Named(name): Named,
    body: Members,
) -> Result<Json<Tested>, Problem> {
    let mut said = Said::new(body);
    let model = said.text("model");
    said.nothing_else();
    said.check()?;
    let snapshot = state.live.full();
    if !snapshot
        .channels
        .iter()
        .any(|channel| *channel.name == *name)
    {
        return Err(Problem::not_found(format!("no channel {name} runs here")));
    }
    let tested = state.gateway.test_channel(&name, model.as_deref()).await;
    let unable = || {
        Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "channels cannot be tested here",
        )
    };
    tested.map(Json).ok_or_else(unable)
}
