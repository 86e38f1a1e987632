//! An entry of `reasoning_details`: the list in which OpenRouter, and clients of it, carry
//! reasoning with its proofs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

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

/// An entry as it is written, and as it is kept in a proof.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) index: u32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Cow<'a, str>>,
}

/// The type of an entry that is text with a signature.
const TEXT: &str = "reasoning.text";
/// The type of an entry that only its provider can read.
const ENCRYPTED: &str = "reasoning.encrypted";
const SUMMARY: &str = "reasoning.summary";

impl Detail<'_> {
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
        let filled = |text: &'_ Text<'_>| (!text.0.is_empty()).then(|| text.0.clone().into_owned());
        let kept = Entry {
            index: 0,
            kind: filled(&self.kind).map(Cow::Owned),
            signature: filled(&self.signature).map(Cow::Owned),
            data: filled(&self.data).map(Cow::Owned),
            id: filled(&self.id).map(Cow::Owned),
            format: filled(&self.format).map(Cow::Owned),
            ..Entry::default()
        };
        Some(Signature {
            redacted: self.kind.0 == ENCRYPTED,
            ..Signature::native(Origin::Chat, serde_json::to_string(&kept).ok()?)
        })
    }
}

impl<'a> Entry<'a> {
    /// Words, with the proof of them.
    pub(crate) fn text(index: u32, text: &'a str, proof: Option<&'a str>) -> Entry<'a> {
        Entry {
            index,
            kind: Some(Cow::Borrowed(TEXT)),
            text: Some(Cow::Borrowed(text)),
            signature: proof.map(Cow::Borrowed),
            ..Entry::default()
        }
    }

    /// The proof of words that an earlier piece of the entry gave.
    pub(crate) fn signed(index: u32, proof: &'a str) -> Entry<'a> {
        Entry {
            index,
            signature: Some(Cow::Borrowed(proof)),
            ..Entry::default()
        }
    }

    /// A proof without words.
    pub(crate) fn encrypted(index: u32, proof: &'a str) -> Entry<'a> {
        Entry {
            index,
            kind: Some(Cow::Borrowed(ENCRYPTED)),
            data: Some(Cow::Borrowed(proof)),
            ..Entry::default()
        }
    }

    /// The entry that a proof was kept as, with its words.
    pub(crate) fn restored(proof: &Signature<'_>, index: u32, words: &'a str) -> Option<Entry<'a>> {
        let kept: Entry<'_> = serde_json::from_str(&proof.data).ok()?;
        let words = (!words.is_empty()).then_some(Cow::Borrowed(words));
        let (text, summary) = match kept.kind.as_deref() {
            Some(SUMMARY) => (None, words),
            _ => (words, None),
        };
        Some(Entry {
            index,
            text,
            summary,
            ..kept
        })
    }
}
