//! `/api/users/{name}/entries` and `/api/entries`: money that moves by somebody's word.

mod read;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use ledger::Nanos;
use ledger::book::{self, Kind, Purse};
use serde::Serialize;
use serde_json::json;
use store::{EntryPage, EntrySearch, Posted};
use utoipa::ToSchema;

use crate::body::Members;
use crate::deed::deed;
use crate::page::{Listed, OfUser, Paging, limit};
use crate::path::Named;
use crate::problem::Problem;
use crate::query::{Given, given};
use crate::said::Said;
use crate::state::AdminState;
use crate::users::{self, Balance, purses};

/// An entry. Members that are not read-only are what is sent to make one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Unique: sent a second time, nothing changes. One is made where none is given.
    #[schema(required = false, example = "invoice-2026-0042")]
    id: String,
    #[schema(read_only)]
    at: Timestamp,
    /// `top_up`, `credit`, `refund` or `adjustment`.
    #[schema(value_type = String, example = "top_up")]
    kind: Kind,
    #[schema(read_only)]
    user: String,
    /// USD into the balance; only an adjustment may be negative.
    #[schema(value_type = String, example = "25.000000000")]
    amount: Nanos,
    #[schema(read_only)]
    author: String,
    /// In words.
    #[schema(required = false)]
    note: String,
}

impl From<book::Entry> for Entry {
    fn from(entry: book::Entry) -> Self {
        Entry {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            user: entry.user,
            amount: entry.amount,
            author: entry.author,
            note: entry.note,
        }
    }
}

/// An entry and what it made of the balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    entry: Entry,
    /// Null when it could not be read any more: the entry is kept all the same.
    #[schema(required = true)]
    balance: Option<Balance>,
}

/// Moves money into a user's balance or out of it, once for each id.
#[utoipa::path(post, path = "/api/users/{name}/entries", tag = "credits",
    params(("name" = String, Path), ("idempotency-key" = Option<String>, Header, description = "The entry's `id`, if the body has none.")),
    request_body = Entry,
    responses((status = 201, body = Receipt),
        (status = 200, body = Receipt, description = "The entry is there already."),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "An entry of that id says something else."),
        (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    Named(name): Named,
    headers: HeaderMap,
    body: Members,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let entry = read::entry(Said::new(body), &headers, name)?;
    state.work(move |state| post(state, entry)).await
}

fn post(state: &AdminState, entry: book::Entry) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let became = json!(Entry::from(entry.clone()));
    let subject = format!("user:{}", entry.user);
    let deed = deed("entry.post", subject, None, Some(&became), entry.at);
    let (status, entry) = match state.store.post(&entry, &deed)? {
        Posted::New => {
            tracing::info!(
                user = entry.user,
                entry = entry.id,
                "money moved over the admin API"
            );
            state.gateway.rows_changed();
            (StatusCode::CREATED, entry)
        }
        // As it was kept the first time.
        Posted::Known => (
            StatusCode::OK,
            state.store.entry(&entry.id)?.unwrap_or(entry),
        ),
        Posted::Other => {
            let detail = format!("entry {} is there and says something else", entry.id);
            return Err(Problem::conflict(detail));
        }
        Posted::NoUser => return Err(Problem::not_found(format!("no user {}", entry.user))),
    };
    // A failure told here would make people post it once more.
    let purses = purses(state, [&*entry.user]).ok();
    let account = book::user_account(&entry.user);
    let balance = purses.map(|purses| match purses.get(&account) {
        Some(purse) => Balance::from(purse),
        None => Balance::from(&Purse::default()),
    });
    let receipt = Receipt {
        entry: entry.into(),
        balance,
    };
    Ok((status, Json(receipt)))
}

/// Entries of one user, newest first.
#[utoipa::path(get, path = "/api/users/{name}/entries", tag = "credits", params(("name" = String, Path), Paging),
    responses((status = 200, body = Listed<Entry>), (status = 404, body = Problem)))]
pub(crate) async fn of_user(
    State(state): State<AdminState>,
    Named(name): Named,
    Given(asked): Given<Paging>,
) -> Result<Json<Listed<Entry>>, Problem> {
    let search = EntrySearch {
        user: Some(name.clone()),
        cursor: asked.cursor()?,
        limit: asked.limit()?,
    };
    let page = state.work(move |state| {
        let page = state.store.entries(&search)?;
        // A deleted user's money can be looked at still.
        if page.items.is_empty() {
            users::found(state, &name)?;
        }
        Ok(page)
    });
    page.await.map(listed)
}

/// Entries, newest first.
#[utoipa::path(get, path = "/api/entries", tag = "credits", params(OfUser),
    responses((status = 200, body = Listed<Entry>)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<OfUser>,
) -> Result<Json<Listed<Entry>>, Problem> {
    let search = EntrySearch {
        user: given("user", &asked.user)?,
        cursor: given("cursor", &asked.cursor)?,
        limit: limit(&asked.limit)?,
    };
    let page = state.ask(move |store| store.entries(&search)).await?;
    Ok(listed(page))
}

fn listed(page: EntryPage) -> Json<Listed<Entry>> {
    Json(Listed {
        items: page.items.into_iter().map(Entry::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    })
}
