//! The parameters that every list has.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::query::given;

/// Rows on a page when nobody says how many.
const DEFAULT_ROWS: usize = 100;
/// Rows on a page at most.
const MAX_ROWS: usize = 500;

/// `?limit=&cursor=` as they come: an empty value is one not given.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paging {
    /// Items on the page, from 1 to 500.
    #[param(value_type = u16, required = false, minimum = 1, maximum = 500)]
    pub(crate) limit: String,
    /// `next` of the page before.
    #[param(required = false)]
    pub(crate) cursor: String,
}

/// The same of what users have.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OfUser {
    /// Of this user.
    #[param(required = false)]
    pub(crate) user: String,
    /// Items on the page, from 1 to 500.
    #[param(value_type = u16, required = false)]
    pub(crate) limit: String,
    /// `next` of the page before.
    #[param(required = false)]
    pub(crate) cursor: String,
}

/// How many items a page may have.
pub(crate) fn limit(text: &str) -> Result<usize, Problem> {
    let limit = given("limit", text)?.unwrap_or(DEFAULT_ROWS);
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(Problem::bad_request(format!("limit: from 1 to {MAX_ROWS}")));
    }
    Ok(limit)
}

impl Paging {
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(&self.limit)
    }

    pub(crate) fn cursor<T: FromStr<Err: Display>>(&self) -> Result<Option<T>, Problem> {
        given("cursor", &self.cursor)
    }
}

/// One page.
#[derive(serde::Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub(crate) next: Option<String>,
}

impl<T> Listed<T> {
    /// A page of rows that are found by a name: one more than `limit` was asked for, to see whether
    /// there is another page.
    pub(crate) fn keyed<R>(
        mut rows: Vec<R>,
        limit: usize,
        key: impl Fn(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Listed<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(key);
        Listed {
            items: rows.into_iter().map(show).collect(),
            next,
        }
    }
}
