//! Reads the proofs of thinking: Anthropic's own, and those of others in their wrapping.

use crate::ir::{Origin, Signature, Text};

/// The proof of a thinking block. One that cannot be unwrapped is none.
pub(super) fn of_signature(value: Text<'_>) -> Option<Signature<'_>> {
    match &*value {
        "" => None,
        wrapped if Signature::is_wrapped(wrapped) => Signature::unwrap(wrapped),
        _ => Some(Signature::native(Origin::Messages, value)),
    }
}

/// What a redacted thinking block holds.
pub(super) fn of_redacted(value: Text<'_>) -> Option<Signature<'_>> {
    let mut proof = of_signature(value)?;
    // In a wrapping it says itself whether the thinking is inside.
    proof.redacted |= proof.origin == Origin::Messages;
    Some(proof)
}

/// Whether the proof stands on calls where it comes from, and not on reasoning.
pub(super) fn is_of_call(proof: &Signature<'_>) -> bool {
    proof.origin == Origin::Gemini
}
