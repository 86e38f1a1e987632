//! What Anthropic's models can do.

use super::Sampling;
use super::version::{NEWEST, Name, Version};
use crate::ir::Effort;

/// How a Claude model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaudeThinking {
    /// It does not think.
    None,
    /// `{type: enabled, budget_tokens}`.
    Budget,
    /// `{type: adaptive}` and an effort; a budget is still taken.
    Either,
    /// `{type: adaptive}` and an effort only.
    Adaptive,
}

/// What a model behind the Messages format can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Claude {
    /// Most output tokens; not known for other vendors' models.
    pub(crate) max_output: Option<u64>,
    pub(crate) thinking: ClaudeThinking,
    /// `output_config.effort`, weakest first; empty: the field is refused.
    pub(crate) efforts: &'static [Effort],
    pub(crate) sampling: Sampling,
    /// The conversation may end with the assistant.
    pub(crate) prefill: bool,
    /// Role `system` inside the conversation.
    pub(crate) mid_system: bool,
    /// `output_config.format` and strict tools.
    pub(crate) structured_output: bool,
}

const TO_HIGH: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];
const TO_MAX: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High, Effort::Max];
const ALL: &[Effort] = &[
    Effort::Low,
    Effort::Medium,
    Effort::High,
    Effort::XHigh,
    Effort::Max,
];

impl Claude {
    /// Of the model by the upstream's name. What is not named Claude speaks the format as it was
    /// in the beginning; a Claude without a version is the newest.
    pub(crate) fn of(model: &str) -> Claude {
        match Name::of(model, "claude") {
            Some(name) => Claude::named(&name),
            None => Claude {
                max_output: None,
                thinking: ClaudeThinking::Budget,
                ..FIRST
            },
        }
    }

    fn named(name: &Name<'_>) -> Claude {
        let version = name.version();
        let thinking = match version {
            ..307 => ClaudeThinking::None,
            307..406 => ClaudeThinking::Budget,
            406 => ClaudeThinking::Either,
            _ => ClaudeThinking::Adaptive,
        };
        Claude {
            max_output: Some(max_output(name, version)),
            thinking,
            efforts: match version {
                ..406 => &[],
                406 if name.has("opus") => TO_MAX,
                406 => TO_HIGH,
                _ => ALL,
            },
            sampling: match version {
                ..401 => Sampling::Free,
                401..407 => Sampling::OneOf,
                _ => Sampling::Fixed,
            },
            prefill: version < 406,
            mid_system: version >= 408 && version != NEWEST,
            structured_output: version >= 401,
        }
    }
}

/// The format as it was in the beginning.
const FIRST: Claude = Claude {
    max_output: Some(4096),
    thinking: ClaudeThinking::None,
    efforts: &[],
    sampling: Sampling::Free,
    prefill: true,
    mid_system: false,
    structured_output: false,
};

fn max_output(name: &Name<'_>, version: Version) -> u64 {
    match version {
        ..305 => 4_096,
        305..307 => 8_192,
        400..=404 if name.has("opus") => 32_000,
        406.. if name.has("opus") => 128_000,
        _ => 64_000,
    }
}
