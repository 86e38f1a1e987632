//! Reads the parameters of a query.

use std::fmt::Display;
use std::str::FromStr;

use crate::problem::Problem;

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
