//! Says how much a model is to think, and whether its thoughts are shown.

use serde::Serialize;

use crate::ir::{self, Effort, Feature, Reasoning, Show};
use crate::loss::Losses;
use crate::thinking::{ForGemini, for_gemini};
use crate::traits::{Gemini, GeminiThinking};

#[derive(Default, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thinking {
    #[serde(skip_serializing_if = "Option::is_none")]
    include_thoughts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

/// What `reasoning` means for `model`; none where nothing is said.
pub(super) fn write(reasoning: Reasoning, model: Gemini, losses: &mut Losses) -> Option<Thinking> {
    let thinks = !matches!(
        reasoning.thinking,
        ir::Thinking::Unset | ir::Thinking::Off | ir::Thinking::Effort(Effort::None)
    );
    if model.thinking == GeminiThinking::None {
        if thinks {
            losses.hint(Feature::Reasoning);
        }
        return None;
    }
    let mut thinking = Thinking {
        include_thoughts: match reasoning.show {
            Show::Shown => Some(true),
            // Google hides them unless told.
            Show::Hidden => None,
            // Who asks for thinking and has no switch for showing it wants to see it.
            Show::Unset => thinks.then_some(true),
        },
        ..Thinking::default()
    };
    match for_gemini(reasoning.thinking, &model) {
        ForGemini::Unsaid => {}
        ForGemini::Budget(budget) => thinking.thinking_budget = Some(budget),
        ForGemini::Level(level) => thinking.thinking_level = Some(level),
    }
    (thinking != Thinking::default()).then_some(thinking)
}
