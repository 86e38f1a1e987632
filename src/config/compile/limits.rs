//! `limits` of a key, a group or a model, and the section of that name.

use ledger::limit::Limits;

use crate::reader::{Field, Map};
use crate::snapshot::{Enforce, LimitSettings};

/// `rpm`, `tpm`, `concurrency`, and `enforce: shadow`.
pub(super) fn read(field: &Field<'_>) -> Limits {
    if field.is_absent() {
        return Limits::default();
    }
    let mut map = field.map();
    let mut limit = |name| {
        let field = map.take(name);
        let limit = field.integer(0..=u64::MAX);
        if limit == Some(0) {
            field.error(
                "a limit that lets nothing through",
                "use enabled: false to shut a key, or leave the limit out for none",
            );
        }
        limit
    };
    let (rpm, tpm, concurrency) = (limit("rpm"), limit("tpm"), limit("concurrency"));
    let shadow = map
        .take("enforce")
        .one_of(&[("true", false), ("shadow", true)])
        .unwrap_or(false);
    map.finish();
    let limits = Limits {
        rpm,
        tpm,
        concurrency,
        shadow,
    };
    if limits.is_empty() && field.is_map() && !field.is_bad() {
        field.warn("limits nothing", "set rpm, tpm or concurrency");
    }
    limits
}

/// The section `limits`: whether they hold, and what happens without Redis.
pub(super) fn settings(root: &mut Map<'_>) -> LimitSettings {
    let mut map = root.take("limits").map();
    let enforce = map.take("enforce").one_of(&[
        ("true", Enforce::On),
        ("shadow", Enforce::Shadow),
        ("false", Enforce::Off),
    ]);
    let closed = map
        .take("when_redis_is_away")
        .one_of(&[("open", false), ("closed", true)]);
    map.finish();
    LimitSettings {
        enforce: enforce.unwrap_or(Enforce::On),
        closed_when_away: closed.unwrap_or(false),
    }
}
