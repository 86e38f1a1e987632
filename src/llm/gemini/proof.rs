//! Thought signatures: base64 on the wire, whoever's proof they carry.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{Origin, Signature};

/// How base64 of a wrapped proof begins: that of `tg1:` but for its last two bits.
const WRAPPED: &str = "dGcxO";

/// The signature that Google takes where a call of its model never had one (or a client lost it).
pub(super) const NO_PROOF: &str = "skip_thought_signature_validator";

/// The proof in a `thoughtSignature` that a client sent; `None` for one that is no proof.
pub(super) fn read(value: Cow<'_, str>) -> Option<Signature<'_>> {
    if Signature::is_wrapped(&value) {
        return Signature::unwrap(&value);
    }
    if value.is_empty() || value == NO_PROOF {
        return None;
    }
    match wrapping(&value) {
        Some(wrapped) => {
            Signature::unwrap(&wrapped).filter(|proof| proof.origin != Origin::Nowhere)
        }
        None => Some(Signature::native(Origin::Gemini, value)),
    }
}

/// The mark of a call that came without a proof. A Gemini that takes the conversation over wants one on the
/// first call of a step, and gets [`NO_PROOF`] for it. That itself is no base64, as clients demand.
pub(super) fn none() -> String {
    STANDARD.encode(Signature::none().wrap(""))
}

/// The wrapping inside base64.
fn wrapping(value: &str) -> Option<String> {
    if !value.starts_with(WRAPPED) {
        return None;
    }
    let wrapped = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    Some(wrapped).filter(|wrapped| Signature::is_wrapped(wrapped))
}

/// The proof as a Gemini client carries it; `family` is that of the model that made it.
pub(super) fn write(proof: &Signature<'_>, family: &str) -> String {
    match proof.origin {
        Origin::Gemini => proof.data.clone().into_owned(),
        _ => STANDARD.encode(proof.wrap(family)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_foreign_proof_comes_back_through_valid_base64() {
        let proof = Signature::native(Origin::Messages, "Eq+/=");
        for family in ["claude", "c", ""] {
            let carried = write(&proof, family);
            assert!(STANDARD.decode(&carried).is_ok());
            let back = read(carried.into()).unwrap();
            assert_eq!((&*back.data, &*back.family), ("Eq+/=", family));
            assert_eq!(back.origin, Origin::Messages);
        }
    }

    #[test]
    fn googles_own_stay_as_they_are() {
        let own = Signature::native(Origin::Gemini, "U0lH");
        assert_eq!(write(&own, "gemini"), "U0lH");
        assert_eq!(read("U0lH".into()), Some(own));
        assert_eq!(
            read("dGcxOmh1aA==".into()).map(|proof| proof.origin),
            None,
            "wrapped, and no proof inside"
        );
    }

    #[test]
    fn the_mark_of_no_proof_is_none() {
        assert_eq!(read(NO_PROOF.into()), None);
        assert_eq!(read("".into()), None);
        assert_eq!(read(none().into()), None);
    }
}
