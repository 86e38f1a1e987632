//! Short texts by which a provider tells callers apart: end user, cache, service tier.

use std::borrow::Cow;

use crate::ir::{Feature as F, Request};
use crate::loss::Losses;

/// The longest name of an end user, and of a cache key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// The caller's cache key; else the session that is named behind an end user (Claude Code does
/// so), as all its requests begin alike.
pub(super) fn cache_key<'a>(request: &'a Request<'_>) -> Option<Cow<'a, str>> {
    let session = || {
        let (_, session) = request.user.as_deref()?.rsplit_once("_session_")?;
        (!session.is_empty()).then_some(session)
    };
    request.cache_key.as_deref().or_else(session).map(short)
}

/// The word for a service tier; an unknown one is left out.
pub(super) fn tier<'a>(tier: Option<&'a str>, losses: &mut Losses) -> Option<&'a str> {
    match tier? {
        tier @ ("auto" | "default" | "flex" | "scale" | "priority") => Some(tier),
        "standard" | "standard_only" => Some("default"),
        _ => {
            losses.hint(F::Tier);
            None
        }
    }
}

/// A key that is short enough: the same long one always becomes the same short one.
pub(super) fn short(key: &str) -> Cow<'_, str> {
    if key.len() <= MAX_KEY_BYTES {
        return Cow::Borrowed(key);
    }
    // FNV-1a, twice with different beginnings: it tells users apart, it hides nothing.
    let hash = |seed: u64| {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        key.as_bytes().iter().fold(seed, step)
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x9ae1_6a3b_2f90_404f));
    Cow::Owned(format!("{high:016x}{low:016x}"))
}
