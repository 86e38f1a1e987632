//! Errors of the admin API: `application/problem+json`, RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// One error, told to the client (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Everything that is wrong with what was sent, or with a configuration that does not compile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    problems: Vec<Finding>,
}

/// One problem or warning.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// Where, as `tollgate check` says it.
    path: String,
    what: String,
    hint: Option<String>,
}

impl Finding {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding {
            path: path.into(),
            what: what.into(),
            hint: None,
        }
    }
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
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
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

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND.as_u16()
    }

    pub(crate) fn wrong_method(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// What is there stands against it.
    pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    /// What was sent is read, and refused for these reasons.
    pub(crate) fn invalid(findings: Vec<Finding>) -> Problem {
        Problem {
            problems: findings,
            ..Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "what was sent is not valid; nothing changed",
            )
        }
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

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLong { .. } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            StoreError::TooMuch | StoreError::NoAmount => Problem::conflict(error.to_string()),
            error => {
                tracing::warn!(%error, "the store did not answer the admin API");
                Problem::unavailable(format!("the store: {error}"))
            }
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
