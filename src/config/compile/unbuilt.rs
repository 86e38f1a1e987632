//! Keys of features that are not built: refused where ignoring them would spend money or let
//! callers through, warned of where nothing depends on them.

use std::time::Duration;

use crate::reader::{Field, Map};

const YEARS: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Refuses what would silently not be enforced.
pub(super) fn refuse(field: &Field<'_>, hint: &str) {
    field.error("not enforced yet", hint);
}

/// Reads the sections of features to come.
pub(super) fn read(root: &mut Map<'_>) {
    retention(&root.take("retention"));
    limits_section(&root.take("limits"));
    conversion(&root.take("conversion"));
}

/// `limits` of a group or key.
pub(super) fn limits(field: &Field<'_>) {
    if field.is_absent() {
        return;
    }
    let mut map = field.map();
    for key in ["rpm", "tpm", "concurrency"] {
        map.take(key).integer(0..=u64::MAX);
    }
    map.finish();
    refuse(field, "take the limits out until they are");
}

/// `conversion` of the gateway or of a channel.
pub(super) fn conversion(field: &Field<'_>) {
    field.one_of(&[("lenient", ()), ("strict", ())]);
}

fn limits_section(field: &Field<'_>) {
    let mut map = field.map();
    let enforce =
        map.take("enforce")
            .one_of(&[("true", true), ("false", false), ("shadow", false)]);
    let away = map
        .take("when_redis_is_away")
        .one_of(&[("open", true), ("closed", false)]);
    map.finish();
    if enforce == Some(false) || away == Some(false) {
        refuse(field, "take the section out until limits are");
    }
}

fn retention(field: &Field<'_>) {
    if field.is_absent() {
        return;
    }
    let mut map = field.map();
    for key in ["requests", "audit"] {
        map.take(key).duration(Duration::ZERO..=YEARS);
    }
    map.finish();
    no_effect(field);
}

fn no_effect(field: &Field<'_>) {
    field.warn("no effect yet", "leave it out until it has one");
}
