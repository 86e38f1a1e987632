//! `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): a row's tag is its revision.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// How often a change is made anew when another one came between reading and writing.
const ATTEMPTS: usize = 5;

/// Which state of a row the client means to change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Whatever it is.
    Any,
    /// One of these tags, as they are written.
    Of(Vec<String>),
}

/// How the header is documented.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(crate) struct Meant {
    /// The `ETag` of what is meant: 412 when it was changed since.
    #[param(rename = "if-match")]
    if_match: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<IfMatch, Problem> {
        IfMatch::read(&parts.headers)
    }
}

impl IfMatch {
    fn read(headers: &HeaderMap) -> Result<IfMatch, Problem> {
        let mut tags = Vec::new();
        for value in headers.get_all(header::IF_MATCH) {
            let value = value.to_str();
            let value = value.map_err(|_| Problem::bad_request("if-match: not readable"))?;
            tags.extend(value.split(',').map(|tag| tag.trim().to_owned()));
        }
        Ok(match tags.is_empty() || tags.iter().any(|tag| tag == "*") {
            true => IfMatch::Any,
            false => IfMatch::Of(tags),
        })
    }

    /// Refuses a row that is not in the state that is meant.
    pub(crate) fn check(&self, revision: u64) -> Result<(), Problem> {
        let IfMatch::Of(tags) = self else {
            return Ok(());
        };
        if tags.contains(&tag(revision)) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            format!("it was changed: it is {} now", tag(revision)),
        ))
    }
}

/// Reads, changes and writes, again where somebody else wrote in between (`None`). Each attempt checks
/// its `If-Match` again.
pub(crate) fn attempts<T>(
    mut attempt: impl FnMut() -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(Problem::conflict(
        "others change it at the same time; try again",
    ))
}

/// A row and its tag.
pub(crate) struct Tagged<T> {
    pub(crate) status: StatusCode,
    pub(crate) revision: u64,
    pub(crate) body: T,
}

impl<T> Tagged<T> {
    pub(crate) fn ok(revision: u64, body: T) -> Tagged<T> {
        Tagged {
            status: StatusCode::OK,
            revision,
            body,
        }
    }

    pub(crate) fn created(revision: u64, body: T) -> Tagged<T> {
        Tagged {
            status: StatusCode::CREATED,
            ..Tagged::ok(revision, body)
        }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(self.body)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag(self.revision)) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
        answer
    }
}

fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_meant_state_is_changed() {
        for (said, revision, allowed) in [
            (None, 7, true),
            (Some("*"), 7, true),
            (Some("\"7\""), 7, true),
            (Some("\"5\", \"7\""), 7, true),
            (Some("\"8\""), 7, false),
            (Some("7"), 7, false),
            (Some("W/\"7\""), 7, false),
            (Some(""), 7, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(header::IF_MATCH, HeaderValue::from_static(said));
            }
            let read = IfMatch::read(&headers).expect("readable");
            assert_eq!(read.check(revision).is_ok(), allowed, "{said:?}");
        }
    }
}
