//! What OpenAI's models can do.

use super::Sampling;
use super::version::{Name, Version};
use crate::ir::Effort;

/// Whether functions may be declared on Chat Completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatTools {
    Taken,
    /// Refused together with any effort but none.
    NotWhileThinking,
    /// The model is served on Responses alone.
    NoChat,
}

/// What a model behind Chat Completions or Responses can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OpenAi {
    /// Most output tokens; where it is not known, the upstream is asked for what the caller wants.
    pub(crate) max_output: Option<u64>,
    /// Reasoning efforts, weakest first; empty where the model does not think, or is another
    /// vendor's, of which nothing is known.
    pub(crate) efforts: &'static [Effort],
    /// It does not think, and refuses every word about it.
    pub(crate) thoughtless: bool,
    pub(crate) sampling: Sampling,
    /// Chat: `max_tokens` is refused, `max_completion_tokens` needed.
    pub(crate) completion_tokens_only: bool,
    /// Chat: role `developer` instead of `system`.
    pub(crate) developer: bool,
    pub(crate) chat_tools: ChatTools,
}

use Effort::{High, Low, Medium, Minimal, XHigh};

const OF_O: &[Effort] = &[Low, Medium, High];
const OF_5: &[Effort] = &[Minimal, Low, Medium, High];
const OF_5_1: &[Effort] = &[Effort::None, Low, Medium, High];
const OF_5_2: &[Effort] = &[Effort::None, Low, Medium, High, XHigh];
const OF_CODEX: &[Effort] = &[Low, Medium, High];
const OF_CODEX_MAX: &[Effort] = &[Low, Medium, High, XHigh];
const OF_5_PRO: &[Effort] = &[High];
const OF_LATER_PRO: &[Effort] = &[Medium, High, XHigh];

/// A model that answers at once, or one of another vendor.
const PLAIN: OpenAi = OpenAi {
    max_output: None,
    efforts: &[],
    thoughtless: false,
    sampling: Sampling::Free,
    completion_tokens_only: false,
    developer: false,
    chat_tools: ChatTools::Taken,
};

impl OpenAi {
    /// Of the model by the upstream's name.
    pub(crate) fn of(model: &str) -> OpenAi {
        let name = model.rsplit('/').next().unwrap_or(model);
        if let Some(gpt) = Name::of(name, "gpt") {
            return OpenAi::gpt(&gpt);
        }
        match is_o(name) {
            true => OpenAi::o(name),
            false => PLAIN,
        }
    }

    fn o(name: &str) -> OpenAi {
        let first = matches!(name, "o1-mini" | "o1-preview");
        OpenAi {
            max_output: Some(match name {
                "o1-mini" => 65_536,
                "o1-preview" => 32_768,
                _ => 100_000,
            }),
            efforts: if first { &[] } else { OF_O },
            thoughtless: false,
            sampling: Sampling::Fixed,
            completion_tokens_only: true,
            developer: !first,
            chat_tools: match name.contains("-pro") || name.contains("deep-research") {
                true => ChatTools::NoChat,
                false => ChatTools::Taken,
            },
        }
    }

    fn gpt(name: &Name<'_>) -> OpenAi {
        let version = name.version();
        if !(500..2_000).contains(&version) || name.has("chat") || name.has("oss") {
            return OpenAi {
                max_output: old_max_output(name, version),
                thoughtless: !name.has("oss"),
                ..PLAIN
            };
        }
        let (codex, pro) = (name.has("codex"), name.has("pro"));
        OpenAi {
            max_output: Some(128_000),
            efforts: gpt_efforts(name, version),
            thoughtless: false,
            sampling: match version >= 501 && !codex && !pro {
                true => Sampling::FixedWhileThinking,
                false => Sampling::Fixed,
            },
            completion_tokens_only: true,
            developer: true,
            chat_tools: match version {
                _ if codex || pro => ChatTools::NoChat,
                504.. => ChatTools::NotWhileThinking,
                _ => ChatTools::Taken,
            },
        }
    }
}

/// Whether a model is of the series of `o3-mini`.
pub(super) fn is_o(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    matches!(name.split('-').next(), Some("o1" | "o3" | "o4"))
}

fn gpt_efforts(name: &Name<'_>, version: Version) -> &'static [Effort] {
    match (name.has("codex"), name.has("pro"), version) {
        (true, _, 502..) => OF_CODEX_MAX,
        (true, ..) if name.has("max") => OF_CODEX_MAX,
        (true, ..) => OF_CODEX,
        (_, true, 500) => OF_5_PRO,
        (_, true, _) => OF_LATER_PRO,
        (.., 500) => OF_5,
        (.., 501) => OF_5_1,
        _ => OF_5_2,
    }
}

/// `gpt-4o` has no number of its own among its words: `4o` is one.
fn old_max_output(name: &Name<'_>, version: Version) -> Option<u64> {
    match version {
        _ if name.has("4o") => Some(16_384),
        _ if name.has("chat") => Some(16_384),
        401 => Some(32_768),
        305 => Some(4_096),
        400..500 if name.has("turbo") => Some(4_096),
        _ => None,
    }
}
