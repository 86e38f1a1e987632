//! Which file a SQLite address means.

use std::path::PathBuf;
use std::str::FromStr;

use crate::error::StoreError;

/// What follows `sqlite:`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Gone with the process.
    Memory,
    /// Relative to the working directory, or absolute: `//data/x.db`, `///var/x.db`.
    File(PathBuf),
}

impl FromStr for Address {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let path = text.strip_prefix("//");
        if path.unwrap_or(text) == ":memory:" {
            return Ok(Address::Memory);
        }
        let path = path.filter(|path| !path.is_empty());
        let path = path.ok_or(StoreError::SqliteAddress)?;
        if path.contains('?') {
            return Err(StoreError::SqliteOptions);
        }
        Ok(Address::File(path.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_or_absolute() {
        let parse = |text: &str| text.parse::<Address>().expect(text);
        assert_eq!(parse("//data/x.db"), Address::File("data/x.db".into()));
        assert_eq!(parse("///var/x.db"), Address::File("/var/x.db".into()));
        assert_eq!(parse(":memory:"), Address::Memory);
        assert_eq!(parse("//:memory:"), Address::Memory);
    }
}
