//! `/api/audit`: who changed what.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::DeedSearch;
use utoipa::{IntoParams, ToSchema};

use crate::page::{Listed, limit};
use crate::problem::Problem;
use crate::query::{Given, given};
use crate::state::AdminState;

/// One change.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deed {
    id: String,
    at: Timestamp,
    /// Who: `admin` for the admin key.
    actor: String,
    /// What was done.
    #[schema(example = "user.create")]
    action: String,
    /// To what.
    #[schema(example = "user:alice")]
    subject: String,
    /// Before, without secrets; null where there was nothing.
    #[schema(value_type = Option<Object>)]
    was: Option<Value>,
    /// After, without secrets; null where there is nothing any more.
    #[schema(value_type = Option<Object>)]
    became: Option<Value>,
}

impl From<store::Deed> for Deed {
    fn from(deed: store::Deed) -> Self {
        // A text that was cut is shown as it is.
        let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        Deed {
            id: deed.id,
            at: deed.at,
            actor: deed.actor,
            action: deed.action,
            subject: deed.subject,
            was: deed.was.map(read),
            became: deed.became.map(read),
        }
    }
}

/// Which changes.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// To this: `user:alice`, `key:<id>`, `channel:openai-main`.
    #[param(required = false)]
    subject: String,
    /// Items on the page, from 1 to 500.
    #[param(value_type = u16, required = false)]
    limit: String,
    /// `next` of the page before.
    #[param(required = false)]
    cursor: String,
}

/// Changes, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(Asked),
    responses((status = 200, body = Listed<Deed>)))]
pub(crate) async fn list(
    State(state): State<AdminState>,
    Given(asked): Given<Asked>,
) -> Result<Json<Listed<Deed>>, Problem> {
    let search = DeedSearch {
        subject: given("subject", &asked.subject)?,
        cursor: given("cursor", &asked.cursor)?,
        limit: limit(&asked.limit)?,
    };
    let page = state.ask(move |store| store.deeds(&search)).await?;
    Ok(Json(Listed {
        items: page.items.into_iter().map(Deed::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}
