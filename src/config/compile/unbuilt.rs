//! Keys of features that are not built: refused where ignoring them would spend money or let
//! callers through.

use crate::reader::Field;

/// Refuses what would silently not be enforced.
pub(super) fn refuse(field: &Field<'_>, hint: &str) {
    field.error("not enforced yet", hint);
}
