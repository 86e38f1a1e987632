//! `conversion`: what becomes of hints that another format cannot carry.

use llm::loss::Strictness;

use crate::reader::Field;

/// Reads the key, of the whole configuration or of one channel; `None` when it is absent.
pub(super) fn strictness(field: &Field<'_>) -> Option<Strictness> {
    field.one_of(&[
        ("lenient", Strictness::Lenient),
        ("strict", Strictness::Strict),
    ])
}
