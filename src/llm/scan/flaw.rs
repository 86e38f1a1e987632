//! What can be wrong with a JSON text, and where.

/// Bytes that are not one JSON text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flaw} at byte {at}")]
pub struct Malformed {
    /// What is wrong.
    pub flaw: Flaw,
    /// The offset of the offending byte.
    pub at: usize,
}

/// What can be wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Encoding,
    /// The text ends inside a value.
    #[error("unexpected end")]
    Truncated,
    /// No value starts like this.
    #[error("expected a value")]
    Value,
    /// An object's key must be a string.
    #[error("expected a quoted key")]
    Key,
    /// No colon after a key.
    #[error("expected `:`")]
    Colon,
    /// Neither a comma nor the bracket that closes the container.
    #[error("expected `,` or a closing bracket")]
    Separator,
    /// A raw control character inside a string.
    #[error("unescaped control character in a string")]
    Control,
    /// A backslash with nothing known behind it.
    #[error("invalid escape in a string")]
    Escape,
    /// A number not spelled by RFC 8259.
    #[error("invalid number")]
    Number,
    /// Nested deeper than `MAX_DEPTH`.
    #[error("nesting deeper than 128 levels")]
    Depth,
    /// Something follows the value.
    #[error("unexpected bytes after the value")]
    Trailing,
}
