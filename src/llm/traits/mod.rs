//! What a model can do, told by its name: providers publish it in their documents only, and answer
//! 400 to a request that does not know.

mod claude;
mod gemini;
mod openai;
mod version;

pub(crate) use claude::{Claude, ClaudeThinking};
pub(crate) use gemini::{Gemini, GeminiThinking};
pub(crate) use openai::{ChatTools, OpenAi};

use crate::ir::Effort;

/// Which sampling parameters a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// `temperature` and `top_p`, also together.
    Free,
    /// One of `temperature` and `top_p`.
    OneOf,
    /// None while it thinks.
    FixedWhileThinking,
    /// None.
    Fixed,
}

/// Whether a model is of a family whose thinking is known to be controlled.
pub(crate) fn has_control(model: &str) -> bool {
    let families = ["claude", "gemini", "gpt", "chatgpt", "codex"];
    let family = |family| version::Name::of(model, family).is_some();
    families.into_iter().any(family) || openai::is_o(model)
}

/// The strongest of `known` (weakest first) that is not above `wanted`; else the weakest.
pub(crate) fn nearest(known: &[Effort], wanted: Effort) -> Option<Effort> {
    let below = known.iter().rev().find(|effort| **effort <= wanted);
    below.or(known.first()).copied()
}

#[cfg(test)]
mod tests;
