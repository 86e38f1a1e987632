//! `/api/requests`: the records of requests, one or a page of them.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use ledger::Record;
use serde::{Deserialize, Serialize};
use store::{MAX_PAGE, Page, Search};

use crate::problem::Problem;
use crate::query::given;
use crate::state::AdminState;

/// `GET /api/requests/{id}`.
pub(crate) async fn show(
    State(state): State<AdminState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Record>, Problem> {
    let Path(id) = id.map_err(|error| Problem::bad_request(error.body_text()))?;
    let absent = Problem::not_found(format!("no record of request {id}"));
    let found = state.ask(move |store| store.request(&id)).await?;
    found.map(Json).ok_or(absent)
}

/// `GET /api/requests?token=&model=&channel=&after=&before=&limit=&cursor=`.
pub(crate) async fn list(
    State(state): State<AdminState>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::bad_request(error.body_text()))?;
    let search = asked.search()?;
    let page = state.ask(move |store| store.requests(&search)).await?;
    Ok(Json(page.into()))
}

/// The query as it comes: an empty value is one not given.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    token: String,
    model: String,
    channel: String,
    after: String,
    before: String,
    limit: String,
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
#[derive(Serialize)]
pub(crate) struct Listed {
    items: Vec<Record>,
    next: Option<String>,
}

impl From<Page> for Listed {
    fn from(page: Page) -> Self {
        Listed {
            items: page.items,
            next: page.next.map(|cursor| cursor.to_string()),
        }
    }
}
