//! `/api/users`: who has keys, and how much money.

mod view;

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use config::rows::UserRow;
use store::{Change, KeySearch};

use crate::body::Members;
use crate::condition::{IfMatch, Meant, Tagged, attempts};
use crate::deed::{self, deed};
use crate::keys;
use crate::names::why_no_name;
use crate::page::{Listed, Paging};
use crate::patch::merge;
use crate::path::Named;
use crate::problem::Problem;
use crate::query::Given;
use crate::said::{Said, object};
use crate::state::AdminState;

pub(crate) use view::{Balance, User, purses, purses_of, said};

/// The owner of the keys in the files, who has no row and no balance.
pub(crate) const ROOT: &str = "root";

/// Users in the order of their names.
#[utoipa::path(get, path = "/api/users", tag = "users", params(Paging),
    responses((status = 200, body = Listed<User>)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<Paging>,
) -> Result<Json<Listed<User>>, Problem> {
    let limit = asked.limit()?;
    let after = asked.cursor::<String>()?;
    let listed = state.work(move |state| {
        let rows = state.store.users(after.as_deref(), limit + 1)?;
        let purses = purses(state, rows.iter().map(|row| &*row.name))?;
        let show = |row: UserRow| User::new(&row, &purses);
        Ok(Listed::keyed(rows, limit, |row| row.name.clone(), show))
    });
    listed.await.map(Json)
}

/// One user.
#[utoipa::path(get, path = "/api/users/{name}", tag = "users", params(("name" = String, Path)),
    responses((status = 200, body = User), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Named(name): Named,
) -> Result<Tagged<User>, Problem> {
    let shown = state.work(move |state| {
        let row = found(state, &name)?;
        tagged(state, row)
    });
    shown.await
}

/// Adds a user. The name of a deleted one is not given away again.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = User,
    responses((status = 201, body = User), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(state): State<AdminState>,
    body: Members,
) -> Result<Tagged<User>, Problem> {
    state.work(move |state| add(state, Said::new(body))).await
}

fn add(state: &AdminState, mut said: Said) -> Result<Tagged<User>, Problem> {
    let name = said.name(|name| match name == ROOT {
        true => Some("reserved for the operator's own keys".into()),
        false => why_no_name(name),
    });
    let settings = settings(state, &mut said, None)?;
    let now = deed::now();
    let row = UserRow {
        name,
        settings,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        revision: 0,
    };
    let became = view::told(&row);
    let deed = deed("user.create", subject(&row.name), None, Some(&became), now);
    let Some(revision) = state.change(Change::AddUser(&row), &deed, now)? else {
        let detail = format!("there is a user {}, or there was", row.name);
        return Err(Problem::conflict(detail));
    };
    // Who is new has no money yet.
    let made = User::new(&UserRow { revision, ..row }, &HashMap::new());
    Ok(Tagged::created(revision, made))
}

/// Changes settings of a user (JSON Merge Patch).
#[utoipa::path(patch, path = "/api/users/{name}", tag = "users",
    params(("name" = String, Path), Meant),
    request_body(content = User, content_type = "application/merge-patch+json"),
    responses((status = 200, body = User), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn update(
    State(state): State<AdminState>,
    Named(name): Named,
    if_match: IfMatch,
    Members(patch): Members,
) -> Result<Tagged<User>, Problem> {
    let updated = state.work(move |state| {
        attempts(|| {
            let row = found(state, &name)?;
            if_match.check(row.revision)?;
            let mut members = object(&row.settings);
            merge(&mut members, patch.clone());
            let mut said = Said::new(Members(members));
            said.same_name(&name);
            let settings = settings(state, &mut said, Some(&row))?;
            let now = deed::now();
            let next = UserRow {
                settings,
                updated_at: now,
                ..row.clone()
            };
            let (was, became) = (view::told(&row), view::told(&next));
            let deed = deed(
                "user.update",
                subject(&name),
                Some(&was),
                Some(&became),
                now,
            );
            let changed = state.change(Change::SetUser(&next), &deed, now)?;
            let shown = changed.map(|revision| tagged(state, UserRow { revision, ..next }));
            shown.transpose()
        })
    });
    updated.await
}

/// Deletes a user, and the keys with it. What was used and paid stays in the books.
#[utoipa::path(delete, path = "/api/users/{name}", tag = "users",
    params(("name" = String, Path), Meant),
    responses((status = 204), (status = 404, body = Problem), (status = 412, body = Problem)))]
pub(crate) async fn remove(
    State(state): State<AdminState>,
    Named(name): Named,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let removed = state.work(move |state| {
        attempts(|| {
            let row = found(state, &name)?;
            if_match.check(row.revision)?;
            let now = deed::now();
            let was = view::told(&row);
            let next = UserRow {
                deleted_at: Some(now),
                ..row
            };
            let deed = deed("user.delete", subject(&name), Some(&was), None, now);
            Ok(state.change(Change::SetUser(&next), &deed, now)?.map(drop))
        })?;
        remove_keys(state, &name)
    });
    removed.await.map(|()| StatusCode::NO_CONTENT)
}

/// The user is gone already, so its keys are refused whether this comes to its end or not.
fn remove_keys(state: &AdminState, user: &str) -> Result<(), Problem> {
    let mut search = KeySearch {
        user: Some(user.to_owned()),
        after: None,
        limit: 100,
    };
    loop {
        let rows = state.store.keys(&search)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        search.after = Some(last.id.clone());
        for row in &rows {
            match attempts(|| keys::change::remove_row(state, &row.id, &IfMatch::Any)) {
                // Somebody else was faster.
                Err(problem) if problem.is_not_found() => {}
                removed => removed?,
            }
        }
    }
}

/// The user that is not deleted.
pub(crate) fn found(state: &AdminState, name: &str) -> Result<UserRow, Problem> {
    let row = state.store.user(name)?;
    row.ok_or_else(|| Problem::not_found(format!("no user {name}")))
}

/// What is said, checked; `before` is the user as it is.
fn settings(
    state: &AdminState,
    said: &mut Said,
    before: Option<&UserRow>,
) -> Result<String, Problem> {
    said.check_note();
    let settings = said.settings();
    if let Err(problems) = state.live.check_user(&settings) {
        match before {
            Some(row) => said.new_findings(problems, state.live.check_user(&row.settings)),
            None => said.findings(problems),
        }
    }
    said.check()?;
    Ok(settings)
}

fn tagged(state: &AdminState, row: UserRow) -> Result<Tagged<User>, Problem> {
    let purses = purses(state, [&*row.name])?;
    Ok(Tagged::ok(row.revision, User::new(&row, &purses)))
}

fn subject(name: &str) -> String {
    format!("user:{name}")
}
