//! The parameters of a query: what is not in the document is refused, what has no value is not given.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::OnceLock;

use axum::extract::{FromRequestParts, MatchedPath, Query, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;

use crate::openapi::{document, operations};
use crate::problem::Problem;

/// The parameters, as they come.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Given<T>, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(asked) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Given(asked))
    }
}

/// Refuses calls with parameters that their operation does not have, naming each.
pub(crate) async fn check(path: MatchedPath, request: Request, next: Next) -> Response {
    let asked = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(error) => return Problem::bad_request(error.body_text()).into_response(),
    };
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    let known = known().get(&(method.to_string(), path.as_str().to_owned()));
    let known = known.map_or(&[][..], |known| known);
    let unknown = asked.iter().map(|(name, _)| name);
    let unknown: Vec<String> = unknown
        .filter(|name| !known.contains(name))
        .map(|name| format!("unknown parameter `{}`", name.escape_debug()))
        .collect();
    match unknown.is_empty() {
        true => next.run(request).await,
        false => Problem::bad_request(unknown.join(", ")).into_response(),
    }
}

/// Names of parameters, by method and path.
fn known() -> &'static HashMap<(String, String), Vec<String>> {
    static KNOWN: OnceLock<HashMap<(String, String), Vec<String>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut document = document();
        let mut known = HashMap::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let parameters = operation.parameters.iter().flatten();
                let names = parameters.filter_map(|parameter| match parameter {
                    RefOr::T(one) if one.parameter_in == ParameterIn::Query => {
                        Some(one.name.clone())
                    }
                    _ => None,
                });
                known.insert((method.to_uppercase(), path.clone()), names.collect());
            }
        }
        known
    })
}

/// The value of a parameter, if it has one: an empty value is one not given.
pub(crate) fn given<T: FromStr<Err: Display>>(
    name: &str,
    text: &str,
) -> Result<Option<T>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = text.parse();
    let value = value.map_err(|error| Problem::bad_request(format!("{name}: {error}")))?;
    Ok(Some(value))
}
