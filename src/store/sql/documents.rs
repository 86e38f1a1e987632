//! The table of documents: what the configuration has beside its files.

use config::rows::{Document, DocumentKind, Read};
use jiff::Timestamp;

use super::requests::time;
use super::revisions::Counter;
use super::rows::{Table, Values, read, text};
use super::{Dialect, Row, Statement, Step, Value};
use crate::error::StoreError;

const TABLE: Table = Table {
    name: "documents",
    columns: &[
        "kind",
        "name",
        "body",
        "created_at",
        "updated_at",
        "revision",
    ],
    counter: Counter::Configuration,
};

/// The one document that is to change.
const THIS: &str = "kind = ? AND name = ? AND revision = ?";

/// Adds a document.
pub(crate) fn add(
    dialect: Dialect,
    document: &Document,
    now: Timestamp,
) -> Result<Step<'_>, StoreError> {
    let values = vec![
        Value::name(document.kind.as_str()),
        Value::name(&document.name),
        Value::whole("body", &document.body)?,
        document.created_at.as_microsecond().into(),
        now.as_microsecond().into(),
    ];
    Ok(TABLE.add(dialect, "", values))
}

/// Replaces the document of this revision.
pub(crate) fn set(
    dialect: Dialect,
    document: &Document,
    now: Timestamp,
) -> Result<Step<'_>, StoreError> {
    let mut values = vec![
        Value::whole("body", &document.body)?,
        now.as_microsecond().into(),
    ];
    values.extend(this(document));
    Ok(TABLE.set(dialect, &["body", "updated_at"], THIS, values))
}

/// Removes the document of this revision.
pub(crate) fn remove(dialect: Dialect, document: &Document) -> Step<'_> {
    TABLE.remove(dialect, THIS, this(document).into())
}

fn this(document: &Document) -> [Value<'_>; 3] {
    [
        Value::name(document.kind.as_str()),
        Value::name(&document.name),
        Value::count(document.revision),
    ]
}

/// Every document.
pub(crate) fn all(dialect: Dialect) -> Statement<'static> {
    TABLE.select(dialect, "ORDER BY kind, name", Vec::new())
}

/// The document of a row, or why there is none.
pub(crate) fn read_row(values: Values) -> Read<Document> {
    let kind = text(values.first());
    read(values, &kind, 1, decode)
}

/// The document of a row.
fn decode(values: Values) -> Result<Document, StoreError> {
    let row = &mut Row::new(TABLE.name, TABLE.columns, values);
    Ok(Document {
        kind: row.read(kind)?,
        name: row.text()?,
        body: row.text()?,
        created_at: time(row)?,
        updated_at: time(row)?,
        revision: row.number()?,
    })
}

fn kind(value: Value<'static>) -> Option<DocumentKind> {
    let Value::Text(name) = value else {
        return None;
    };
    let mut kinds = DocumentKind::ALL.into_iter();
    kinds.find(|kind| kind.as_str() == name)
}
