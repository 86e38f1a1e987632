//! The name in a path.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::problem::Problem;

/// What stands in the path, decoded.
pub(crate) fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(name) = path.map_err(|error| Problem::bad_request(error.body_text()))?;
    Ok(name)
}
