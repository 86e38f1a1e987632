//! What a target cannot carry: dropped and named where the answer keeps its promise without it,
//! refused where it would not.

use std::borrow::Cow;

use crate::Format;
use crate::ir::{Feature, Rest};
use crate::meter::cut;

/// Dropped fields that are remembered by name; further ones are only counted.
const MAX_NAMED: usize = 32;
/// Bytes of such a name that are remembered: it goes into a header, and may be the caller's own.
const MAX_NAME_BYTES: usize = 128;

/// What becomes of a field that a target has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Dropped and named: it changes neither the shape nor the promise of the answer.
    Hint,
    /// Refused: without it the caller would get or believe something else.
    Contract,
}

/// Whether hints that bend the answer (penalties, seed, a temperature out of range) are dropped or
/// refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Dropped and named.
    #[default]
    Lenient,
    /// Refused.
    Strict,
}

/// Why a request cannot be converted; told to the caller as a 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Misfit {
    param: Cow<'static, str>,
    problem: String,
}

impl Misfit {
    /// A request that is wrong in itself.
    pub(crate) fn malformed(param: impl Into<Cow<'static, str>>, problem: &str) -> Misfit {
        let param = param.into();
        Misfit {
            problem: format!("`{param}` {problem}"),
            param,
        }
    }

    /// The JSON path of the field at fault.
    pub fn param(&self) -> &str {
        &self.param
    }
}

/// Collects what is lost on the way to one target.
#[derive(Debug)]
pub(crate) struct Losses {
    origin: Format,
    target: Format,
    /// The asked model, for the words of a refusal.
    model: String,
    strictness: Strictness,
    dropped: Vec<Cow<'static, str>>,
}

impl Losses {
    pub(crate) fn new(
        origin: Format,
        target: Format,
        model: &str,
        strictness: Strictness,
    ) -> Losses {
        Losses {
            origin,
            target,
            model: model.to_owned(),
            strictness,
            dropped: Vec::new(),
        }
    }

    /// A hint that goes, in either mode.
    pub(crate) fn hint(&mut self, feature: Feature) {
        self.hint_at(feature.name(self.origin));
    }

    /// The same for a field with a path of its own.
    pub(crate) fn hint_at(&mut self, field: impl Into<Cow<'static, str>>) {
        let mut field = field.into();
        if field.len() > MAX_NAME_BYTES {
            field = Cow::Owned(cut(&field, MAX_NAME_BYTES).to_owned());
        }
        if self.dropped.len() < MAX_NAMED && !self.dropped.contains(&field) {
            self.dropped.push(field);
        }
    }

    /// A hint that bends the answer: dropped when lenient, refused when strict.
    pub(crate) fn bend(&mut self, feature: Feature, reason: &str) -> Result<(), Misfit> {
        self.bend_at(feature.name(self.origin), reason)
    }

    /// The same for a field with a path of its own.
    pub(crate) fn bend_at(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        reason: &str,
    ) -> Result<(), Misfit> {
        match self.strictness {
            Strictness::Lenient => {
                self.hint_at(field);
                Ok(())
            }
            Strictness::Strict => Err(self.contract_at(field, reason)),
        }
    }

    /// A hint inside a field: `tools.function.parameters.not`.
    pub(crate) fn hint_inside(&mut self, feature: Feature, member: &str) {
        self.hint_at(format!("{}.{member}", feature.name(self.origin)));
    }

    /// A hint inside a field that bends the answer.
    pub(crate) fn bend_inside(
        &mut self,
        feature: Feature,
        member: &str,
        reason: &str,
    ) -> Result<(), Misfit> {
        self.bend_at(format!("{}.{member}", feature.name(self.origin)), reason)
    }

    /// Whether what bends the answer is refused.
    pub(crate) fn is_strict(&self) -> bool {
        self.strictness == Strictness::Strict
    }

    /// A contract that cannot be kept.
    pub(crate) fn contract(&self, feature: Feature, reason: &str) -> Misfit {
        self.contract_at(feature.name(self.origin), reason)
    }

    /// The same for a field with a path of its own (`messages[2].content`).
    pub(crate) fn contract_at(&self, field: impl Into<Cow<'static, str>>, reason: &str) -> Misfit {
        let param = field.into();
        let (model, target) = (&self.model, self.target);
        Misfit {
            problem: format!(
                "`{param}` is not supported when model '{model}' is served by an upstream of type {target}: {reason}"
            ),
            param,
        }
    }

    /// Where the turn stands in the caller's request: `messages[2]`, `input[2]`, `contents[2]`.
    pub(crate) fn turn(&self, at: usize) -> String {
        format!("{}[{at}]", Feature::Turns.name(self.origin))
    }

    /// Fields that the common model has no place for.
    pub(crate) fn rest(&mut self, rest: &[Rest<'_>]) -> Result<(), Misfit> {
        for field in rest {
            match field.class {
                Class::Hint => self.hint_at(field.name.clone().into_owned()),
                Class::Contract => {
                    return Err(self.contract_at(field.name.clone().into_owned(), field.reason));
                }
            }
        }
        Ok(())
    }

    /// Fields that were dropped, by the caller's names.
    pub(crate) fn into_dropped(self) -> Vec<Cow<'static, str>> {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_dropped_fields_are_bounded() {
        let (chat, gemini) = (Format::Chat, Format::Gemini);
        let mut losses = Losses::new(chat, gemini, "m", Strictness::Lenient);
        losses.hint_at("é".repeat(100_000));
        losses.hint_at("seed");
        let dropped = losses.into_dropped();
        assert!(dropped[0].len() <= MAX_NAME_BYTES && dropped[0].starts_with('é'));
        assert_eq!(dropped[1], "seed");
    }
}
