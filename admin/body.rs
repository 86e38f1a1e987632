//! Reads the JSON body of a call, within bounds.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::strict::{Strict, TWICE};

/// Bytes of a body. The time it takes is bounded with the whole call's.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The members of a body that is one JSON object; of an empty body, none.
pub(crate) struct Members(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Members {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Members, Problem> {
        let is_json = is_json(request.headers());
        if declared(request.headers()).is_some_and(|bytes| bytes > MAX_BODY_BYTES as u64) {
            return Err(too_large());
        }
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
        // Whoever broke off does not read why.
        let body = body.map_err(|_| too_large())?;
        if body.is_empty() {
            return Ok(Members(Map::new()));
        }
        match is_json {
            true => read(&body).map(Members),
            false => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send application/json",
            )),
        }
    }
}

/// A body of more than this is refused without waiting for it.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// `application/json` or `application/…+json`; what says nothing is taken for it.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let essence = said.to_str().unwrap_or("").split(';').next().unwrap_or("");
    let essence = essence.trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

fn too_large() -> Problem {
    let detail = format!("a body of more than {MAX_BODY_BYTES} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Says where the fault is and not what stands there: that may be a secret.
fn read(body: &Bytes) -> Result<Map<String, Value>, Problem> {
    let error = match serde_json::from_slice(body) {
        Ok(Strict(Value::Object(members))) => return Ok(members),
        Ok(_) => return Err(Problem::bad_request("send one JSON object")),
        Err(error) => error,
    };
    let what = match error.to_string().starts_with(TWICE) {
        true => TWICE,
        false => "the body is not JSON that can be read",
    };
    let (line, column) = (error.line(), error.column());
    Err(Problem::bad_request(format!(
        "{what}, at line {line}, column {column}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_says_so() {
        for (said, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, said.parse().expect("a header"));
            assert_eq!(is_json(&headers), json, "{said}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
