//! `POST /api/keys/{id}/rotate`: another key in place of one that may be known to others.

use std::time::Duration;

use axum::extract::State;
use config::rows::{KeyRow, PreviousKey};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::Change;
use utoipa::ToSchema;

use super::secret::NewKey;
use super::{Key, found, purses, subject, view};
use crate::body::Members;
use crate::condition::{IfMatch, Meant, Tagged, attempts};
use crate::deed::{self, deed};
use crate::path::Named;
use crate::problem::Problem;
use crate::said::Said;
use crate::state::AdminState;

/// The longest that a replaced key goes on.
const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// How a key is replaced.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rotation {
    /// How long the replaced key goes on, at most `30d`; not at all where it is not said.
    #[schema(required = false, example = "1h")]
    overlap: String,
}

/// Makes a new key in the place of this one. The answer shows it, once. A key that was replaced before
/// and still goes on ends now.
#[utoipa::path(post, path = "/api/keys/{id}/rotate", tag = "keys",
    params(("id" = String, Path), Meant),
    request_body = Rotation,
    responses((status = 200, body = Key), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn rotate(
    State(state): State<AdminState>,
    Named(id): Named,
    if_match: IfMatch,
    body: Members,
) -> Result<Tagged<Key>, Problem> {
    let overlap = overlap(Said::new(body))?;
    let rotated = state.work(move |state| {
        attempts(|| {
            let row = found(state, &id)?;
            if_match.check(row.revision)?;
            // First, because nothing may fail between the change and the answer: it has the only key.
            let purses = purses(state, [&*row.id].into_iter())?;
            let key = NewKey::new()?;
            let now = deed::now();
            let next = KeyRow {
                hash: key.hash,
                previous: previous(&row, overlap, now),
                hint: key.hint,
                updated_at: now,
                ..row.clone()
            };
            let (was, became) = (view::told(&row), view::told(&next));
            let deed = deed("key.rotate", subject(&id), Some(&was), Some(&became), now);
            let Some(revision) = state.change(Change::SetKey(&next), &deed, now)? else {
                return Ok(None);
            };
            let made = Key::stored(&KeyRow { revision, ..next }, &purses);
            Ok(Some(Tagged::ok(revision, made.revealed(key.text))))
        })
    });
    rotated.await
}

fn previous(row: &KeyRow, overlap: SignedDuration, now: Timestamp) -> Option<PreviousKey> {
    let until = now.checked_add(overlap).ok()?;
    (until > now).then_some(PreviousKey {
        hash: row.hash,
        until,
    })
}

fn overlap(mut said: Said) -> Result<SignedDuration, Problem> {
    let text = said.text("overlap").unwrap_or_else(|| "0s".into());
    let overlap = config::unit::duration(&text).filter(|overlap| *overlap <= MAX_OVERLAP);
    if overlap.is_none() {
        said.finding("overlap", "not a time like 30m, 1h or 7d, at most 30d");
    }
    said.nothing_else();
    said.check()?;
    Ok(SignedDuration::try_from(overlap.unwrap_or_default()).unwrap_or_default())
}
