//! What the upstream takes beyond the format's common ground, told by the model's name and the
//! provider's quirks.

use crate::convert::Target;
use crate::dialect::Quirks;
use crate::ir::family;
use crate::traits::OpenAi;

/// An upstream's accent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accent<'a> {
    pub(super) model: &'a str,
    pub(super) openai: OpenAi,
    /// The model is one of OpenAI's own: what only OpenAI has may be sent.
    pub(super) own: bool,
    /// The first word of the model's name.
    pub(super) family: &'a str,
    /// Reasoning of earlier turns is wanted back.
    pub(super) replay: bool,
}

/// How a server is told that the last message is the beginning of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefill {
    /// `partial: true`.
    Partial,
    /// `prefix: true`.
    Prefix,
}

impl<'a> Accent<'a> {
    pub(super) fn of(to: &Target<'a>) -> Accent<'a> {
        let family = family(to.model);
        let own = matches!(family, "gpt" | "chatgpt" | "o" | "codex") && !to.model.contains("oss");
        Accent {
            model: to.model,
            openai: OpenAi::of(to.model),
            own,
            family,
            replay: to.quirks.has(Quirks::REPLAY_REASONING),
        }
    }

    /// The role of instructions.
    pub(super) fn system(&self) -> &'static str {
        match self.openai.developer {
            true => "developer",
            false => "system",
        }
    }

    /// GPT-5 and later: custom tools, whose argument is text, and verbosity came with it.
    pub(super) fn is_gpt_5(&self) -> bool {
        self.own && self.family == "gpt" && self.openai.developer
    }

    /// Anthropic's marks of what to cache: Qwen takes them, and routers to Claude.
    pub(super) fn cache_marks(&self) -> bool {
        matches!(self.family, "claude" | "qwen")
    }

    /// The field by which an answer that the caller began is gone on with.
    pub(super) fn prefill(&self) -> Option<Prefill> {
        match self.family {
            "kimi" | "moonshot" => Some(Prefill::Partial),
            "mistral" | "ministral" | "codestral" | "devstral" | "magistral" => {
                Some(Prefill::Prefix)
            }
            _ => None,
        }
    }

    /// Schemas for the answer are not known there, only JSON mode.
    pub(super) fn json_mode_only(&self) -> bool {
        matches!(self.family, "deepseek" | "glm")
    }
}
