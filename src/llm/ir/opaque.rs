//! Proofs that travel with reasoning: signatures, encrypted reasoning, thought signatures.
//!
//! A proof means something to its own kind of provider only. Shown to a client of another format it
//! is wrapped, `tg1:<origin>:<family>:<[!]id>:<data>` (`!`: redacted), so that its replay brings it back to a
//! provider of its kind and never to another. What comes back is untrusted: it is only ever
//! forwarded, as an opaque value, to an upstream of its origin.

use std::borrow::Cow;

/// What a wrapped proof begins with.
const MARK: &str = "tg1:";

/// What reasoning begins with that is kept from the caller's eyes, `tg1:hidden:<bytes>:<words><proof>`:
/// no origin has that name, so that nobody but [`reveal`] takes it for a proof.
const HIDDEN: &str = "tg1:hidden:";

/// The largest proof that is unwrapped, in bytes; a larger one is dropped.
const MAX_WRAPPED_BYTES: usize = 256 * 1024;

/// The kind of provider a proof comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Anthropic: signature of a thinking block, or the data of a redacted one.
    Messages,
    /// Google: `thoughtSignature`, base64.
    Gemini,
    /// OpenAI Responses: `encrypted_content`.
    Responses,
    /// A chat provider's `reasoning_details` data.
    Chat,
    /// No proof: the mark of reasoning that came without one.
    Nowhere,
}

/// A proof.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signature<'a> {
    pub(crate) origin: Origin,
    /// The family of the model that made it ([`family`]); empty where it is not known.
    pub(crate) family: Cow<'a, str>,
    pub(crate) data: Cow<'a, str>,
    /// The id of the reasoning item (Responses).
    pub(crate) id: Option<Cow<'a, str>>,
    /// The reasoning itself is inside, encrypted (Anthropic's redacted thinking).
    pub(crate) redacted: bool,
}

/// The family of a model: proofs of one family's models are good for all of them. The first word
/// of the name after any vendor's prefix: `claude`, `gemini`, `gpt`, `deepseek`. Bedrock puts region
/// and vendor before the name, with dots: `us.anthropic.claude-opus-4-1`.
pub(crate) fn family(model: &str) -> &str {
    let mut name = model.rsplit('/').next().unwrap_or(model);
    while let Some((prefix, rest)) = name.split_once('.')
        && is_prefix(prefix)
        && begins_with_a_word(rest)
    {
        name = rest;
    }
    let end = name
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(name.len());
    &name[..end]
}

/// Versions have digits: `gpt-4.1`.
fn is_prefix(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

/// Not `r1` of `deepseek.r1`.
fn begins_with_a_word(text: &str) -> bool {
    text.len() >= 3 && text.bytes().take(3).all(|byte| byte.is_ascii_alphabetic())
}

impl Origin {
    const NAMES: [(Origin, &'static str); 5] = [
        (Origin::Messages, "messages"),
        (Origin::Gemini, "gemini"),
        (Origin::Responses, "responses"),
        (Origin::Chat, "chat"),
        (Origin::Nowhere, "none"),
    ];

    fn as_str(self) -> &'static str {
        Origin::NAMES[self as usize].1
    }

    fn named(name: &str) -> Option<Origin> {
        Origin::NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(origin, _)| *origin)
    }
}

impl<'a> Signature<'a> {
    /// A proof of its own format, as it stands on the wire.
    pub(crate) fn native(origin: Origin, data: impl Into<Cow<'a, str>>) -> Signature<'a> {
        Signature {
            origin,
            family: Cow::Borrowed(""),
            data: data.into(),
            id: None,
            redacted: false,
        }
    }

    /// The mark of reasoning that came without a proof.
    pub(crate) fn none() -> Signature<'static> {
        Signature::native(Origin::Nowhere, "")
    }

    /// The proof inside `wrapped`, if it is wrapped and not too large. A value that is not wrapped
    /// is native to the format it came in.
    pub(crate) fn unwrap(wrapped: &str) -> Option<Signature<'static>> {
        if wrapped.len() > MAX_WRAPPED_BYTES {
            return None;
        }
        let mut fields = wrapped.strip_prefix(MARK)?.splitn(4, ':');
        let origin = fields.next().and_then(Origin::named)?;
        let family = fields.next()?;
        let (flags, data) = (fields.next()?, fields.next()?);
        let (redacted, id) = match flags.strip_prefix('!') {
            Some(id) => (true, id),
            None => (false, flags),
        };
        Some(Signature {
            origin,
            family: Cow::Owned(family.to_owned()),
            data: Cow::Owned(data.to_owned()),
            id: (!id.is_empty()).then(|| Cow::Owned(id.to_owned())),
            redacted,
        })
    }

    /// Whether `value` is wrapped.
    pub(crate) fn is_wrapped(value: &str) -> bool {
        value.starts_with(MARK)
    }

    /// The proof as another format's clients carry it. `family` stands in where the proof's own
    /// is not known.
    pub(crate) fn wrap(&self, family: &str) -> String {
        let family = match &*self.family {
            "" => family,
            known => known,
        };
        let mark = if self.redacted { "!" } else { "" };
        let id = self.id.as_deref().unwrap_or("");
        format!(
            "{MARK}{}:{family}:{mark}{id}:{}",
            self.origin.as_str(),
            self.data
        )
    }

    /// Whether an upstream of that kind, serving that model, made it: native proofs carry no
    /// family and fit every model of their kind.
    pub(crate) fn fits(&self, origin: Origin, model: &str) -> bool {
        let family = family(model);
        self.origin == origin && (self.family.is_empty() || &*self.family == family)
    }

    /// The same, owned.
    pub(crate) fn into_owned(self) -> Signature<'static> {
        Signature {
            origin: self.origin,
            family: Cow::Owned(self.family.into_owned()),
            data: Cow::Owned(self.data.into_owned()),
            id: self.id.map(|id| Cow::Owned(id.into_owned())),
            redacted: self.redacted,
        }
    }
}

/// Reasoning for a client that did not ask to see it, and whose replay has to bring it back:
/// Anthropic's proof is of the words beside it, and some chat providers want the words alone. `None`
/// where that is too large to come back.
pub(crate) fn hide(words: &str, proof: &str) -> Option<String> {
    let hidden = format!("{HIDDEN}{}:{words}{proof}", words.len());
    (hidden.len() <= MAX_WRAPPED_BYTES).then_some(hidden)
}

/// The words and the proof of hidden reasoning.
pub(crate) fn reveal(hidden: &str) -> Option<(&str, &str)> {
    let bounded = hidden.len() <= MAX_WRAPPED_BYTES;
    let inside = hidden.strip_prefix(HIDDEN).filter(|_| bounded)?;
    let (bytes, inside) = inside.split_once(':')?;
    inside.split_at_checked(bytes.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_proof_comes_back_as_it_was() {
        let proof = Signature {
            origin: Origin::Responses,
            family: "gpt".into(),
            data: "gAAAA:with:colons=".into(),
            id: Some("rs_1".into()),
            redacted: false,
        };
        assert_eq!(Signature::unwrap(&proof.wrap("")), Some(proof.clone()));
        let redacted = Signature {
            redacted: true,
            id: None,
            ..proof
        };
        assert_eq!(Signature::unwrap(&redacted.wrap("")), Some(redacted));
    }

    #[test]
    fn what_is_not_wrapped_or_too_large_is_not_unwrapped() {
        assert_eq!(Signature::unwrap("EqQBCkYI"), None);
        assert_eq!(Signature::unwrap("tg1:elsewhere:x::y"), None);
        let large = Signature::native(Origin::Gemini, "x".repeat(MAX_WRAPPED_BYTES));
        assert_eq!(Signature::unwrap(&large.wrap("gemini")), None);
    }

    #[test]
    fn hidden_words_are_found_again_and_are_no_proof() {
        let hidden = hide("Plän: a", "tg1:none:::").expect("it is small");
        assert_eq!(reveal(&hidden), Some(("Plän: a", "tg1:none:::")));
        assert_eq!(Signature::unwrap(&hidden), None);
        for odd in [
            "tg1:none:::",
            "tg1:hidden:2:é",
            "tg1:hidden:1:é",
            "tg1:hidden:-1:x",
            "tg1:hidden:9",
        ] {
            assert!(reveal(odd).is_none_or(|(words, _)| words == "é"), "{odd}");
        }
        assert_eq!(hide(&"x".repeat(MAX_WRAPPED_BYTES), ""), None);
    }

    #[test]
    fn a_family_is_known_behind_every_prefix() {
        for (model, wanted) in [
            ("claude-opus-4-1", "claude"),
            ("anthropic/claude-opus-4.1", "claude"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude"),
            ("us-gov.anthropic.claude-3-haiku", "claude"),
            ("us.deepseek.r1-v1:0", "deepseek"),
            ("gpt-4.1", "gpt"),
            ("openai.gpt-oss-120b-1:0", "gpt"),
            ("qwen2.5-72b", "qwen"),
            ("", ""),
            ("a..b", "a"),
        ] {
            assert_eq!(family(model), wanted, "{model}");
        }
    }

    #[test]
    fn a_proof_goes_only_to_its_own_kind_and_family() {
        let wrapped = Signature::native(Origin::Messages, "sig").wrap(family("claude-opus-4-1"));
        let proof = Signature::unwrap(&wrapped).expect("wrapped above");
        assert!(proof.fits(Origin::Messages, "anthropic/claude-sonnet-4-5"));
        assert!(!proof.fits(Origin::Gemini, "gemini-3-pro"));
        assert!(!proof.fits(Origin::Messages, "kimi-k2"));
    }
}
