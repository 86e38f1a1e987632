//! Errors of the admin API: `application/problem+json`, RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// One error, told to the client.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Every problem of a configuration that does not compile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Finding>,
}

/// One problem or warning of a configuration.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    path: String,
    what: String,
    hint: Option<String>,
}

impl From<config::Problem> for Finding {
    fn from(problem: config::Problem) -> Self {
        Finding {
            path: problem.path,
            what: problem.what,
            hint: problem.hint,
        }
    }
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            problems: Vec::new(),
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The same words whether a key is missing, wrong or not set: they tell nothing.
    pub(crate) fn unauthorized() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "send the admin key as `Authorization: Bearer KEY`",
        )
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn wrong_method(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(crate) fn internal() -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "see the gateway's log")
    }

    pub(crate) fn does_not_compile(problems: Vec<config::Problem>) -> Problem {
        Problem {
            problems: problems.into_iter().map(Finding::from).collect(),
            ..Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the configuration does not compile; nothing changed",
            )
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, axum::Json(&self)).into_response();
        answer.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}
