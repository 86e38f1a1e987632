//! `/api/requests`: the records of requests, one or a page of them.

use axum::Json;
use axum::extract::State;
use ledger::Record;
use serde::{Deserialize, Serialize};
use store::{MAX_PAGE, Page, Search};
use utoipa::{IntoParams, ToSchema};

use crate::path::Named;
use crate::problem::Problem;
use crate::query::{Given, given};
use crate::state::AdminState;

/// The record of one request.
#[utoipa::path(get, path = "/api/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(id): Named,
) -> Result<Json<Record>, Problem> {
    let absent = Problem::not_found(format!("no record of request {id}"));
    let found = state.ask(move |store| store.request(&id)).await?;
    found.map(Json).ok_or(absent)
}

/// Records of requests, newest first.
#[utoipa::path(get, path = "/api/requests", tag = "requests", params(Asked),
    responses((status = 200, body = Records), (status = 400, body = Problem)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<Asked>,
) -> Result<Json<Records>, Problem> {
    let search = asked.search()?;
    let page = state.ask(move |store| store.requests(&search)).await?;
    Ok(Json(page.into()))
}

/// The query as it comes: an empty value is one not given.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// Of the key of this name.
    #[param(required = false)]
    token: String,
    /// That asked for this model.
    #[param(required = false)]
    model: String,
    /// That this channel answered.
    #[param(required = false)]
    channel: String,
    /// Not older than this.
    #[param(required = false, example = "2026-11-21T20:00:00Z")]
    after: String,
    /// Older than this.
    #[param(required = false)]
    before: String,
    /// Items on the page, from 1 to 1000.
    #[param(value_type = u16, required = false)]
    limit: String,
    /// `next` of the page before.
    #[param(required = false)]
    cursor: String,
}

impl Asked {
    fn search(self) -> Result<Search, Problem> {
        let limit = given("limit", &self.limit)?;
        if limit.is_some_and(|limit| !(1..=MAX_PAGE).contains(&limit)) {
            let detail = format!("limit: from 1 to {MAX_PAGE}");
            return Err(Problem::bad_request(detail));
        }
        Ok(Search {
            after: given("after", &self.after)?,
            before: given("before", &self.before)?,
            cursor: given("cursor", &self.cursor)?,
            limit: limit.unwrap_or(Search::default().limit),
            token: not_empty(self.token),
            token_id: None,
            model: not_empty(self.model),
            channel: not_empty(self.channel),
        })
    }
}

fn not_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A page as clients see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Records {
    #[schema(value_type = Vec<Object>)]
    items: Vec<Record>,
    /// Where the next page begins; null on the last one.
    next: Option<String>,
}

impl From<Page> for Records {
    fn from(page: Page) -> Self {
        Records {
            items: page.items,
            next: page.next.map(|cursor| cursor.to_string()),
        }
    }
}
