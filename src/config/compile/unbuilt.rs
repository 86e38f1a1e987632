//! Keys of features that are not built: refused where ignoring them would spend money or let
//! callers through, warned of where nothing depends on them.

use std::time::Duration;

use crate::reader::{Field, Map};

/// Refuses what would silently not be enforced.
pub(super) fn refuse(field: &Field<'_>, hint: &str) {
    field.error("not enforced yet", hint);
}

/// Reads the sections of features to come.
pub(super) fn read(root: &mut Map<'_>) {
    journal(&root.take("journal"));
}

fn journal(field: &Field<'_>) {
    if field.is_absent() {
        return;
    }
    if field.is_map() {
        let mut map = field.map();
        map.take("path").word("path");
        fsync(&map.take("fsync"));
        map.take("max").size(1 << 20..=u64::MAX);
        map.finish();
    } else {
        field.word("path");
    }
    no_effect(field);
}

fn fsync(field: &Field<'_>) {
    if !matches!(field.peek(), Some("always")) {
        field.duration(Duration::from_millis(1)..=Duration::from_secs(60));
    }
}

fn no_effect(field: &Field<'_>) {
    field.warn("no effect yet", "leave it out until it has one");
}
