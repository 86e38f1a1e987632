//! An entry of `reasoning_details`: the list in which OpenRouter, and clients of it, carry
//! reasoning with its proofs.

use serde::Serialize;

use crate::ir::{Origin, Signature};
use crate::loose::{Count, Text, loose};

loose! {
    /// An entry as it is read.
    struct Detail<'a> {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "summary" => summary: Text<'a>,
        "signature" => signature: Text<'a>,
        "data" => data: Text<'a>,
        "id" => id: Text<'a>,
        "format" => format: Text<'a>,
        "index" => index: Count,
    }
}

/// An entry as it is written.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) index: u32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<&'a str>,
}

/// The type of an entry that is text with a signature.
pub(crate) const TEXT: &str = "reasoning.text";
/// The type of an entry that only its provider can read.
pub(crate) const ENCRYPTED: &str = "reasoning.encrypted";
const SUMMARY: &str = "reasoning.summary";

impl<'a> Detail<'a> {
    /// The words in it.
    pub(crate) fn said(&self) -> &str {
        match &*self.text.0 {
            "" => &self.summary.0,
            text => text,
        }
    }

    /// The proof in it. What is not wrapped is the upstream's own, kept as the entry without its
    /// words.
    pub(crate) fn proof(&self) -> Option<Signature<'static>> {
        let proof = match &*self.signature.0 {
            "" => &*self.data.0,
            signature => signature,
        };
        if proof.is_empty() {
            return None;
        }
        if Signature::is_wrapped(proof) {
            return Signature::unwrap(proof);
        }
        let entry = serde_json::to_string(&self.entry("")).ok()?;
        Some(Signature {
            redacted: self.kind.0 == ENCRYPTED,
            ..Signature::native(Origin::Chat, entry)
        })
    }

    /// The entry again, with `words` in it.
    pub(crate) fn entry<'b>(&'b self, words: &'b str) -> Entry<'b> {
        let filled = |text: &'b str| (!text.is_empty()).then_some(text);
        let (text, summary) = match &*self.kind.0 {
            SUMMARY => (None, filled(words)),
            _ => (filled(words), None),
        };
        Entry {
            index: self.index.0.unwrap_or(0) as u32,
            kind: filled(&self.kind.0),
            text,
            summary,
            signature: filled(&self.signature.0),
            data: filled(&self.data.0),
            id: filled(&self.id.0),
            format: filled(&self.format.0),
        }
    }
}
