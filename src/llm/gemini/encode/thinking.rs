//! Says how much a model is to think: newer models by a level, those of 2.5 by a budget.

use serde::Serialize;

use crate::ir::{self, Effort, Feature, Reasoning, Show};
use crate::loss::Losses;
use crate::traits::{Gemini, GeminiThinking};

/// As much as the model finds right.
const DYNAMIC: i64 = -1;

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

/// What `reasoning` means for `model`; none where nothing is said. `max_output` counts the
/// thoughts too.
pub(super) fn write(
    reasoning: Reasoning,
    model: Gemini,
    max_output: Option<u64>,
    losses: &mut Losses,
) -> Option<Thinking> {
    let thinks = !matches!(
        reasoning.thinking,
        ir::Thinking::Unset | ir::Thinking::Off | ir::Thinking::Effort(Effort::None)
    );
    let mut thinking = Thinking {
        include_thoughts: match reasoning.show {
            Show::Shown => Some(true),
            Show::Hidden => Some(false),
            Show::Unset => thinks.then_some(true),
        },
        ..Thinking::default()
    };
    match model.thinking {
        GeminiThinking::None => {
            if thinks {
                losses.hint(Feature::Reasoning);
            }
            return None;
        }
        GeminiThinking::Level(levels) => {
            thinking.thinking_level = level(reasoning.thinking, levels);
        }
        GeminiThinking::Budget { off, floor, max } => {
            let tokens = budget(reasoning.thinking, off, max, max_output);
            thinking.thinking_budget = tokens.map(|tokens| match tokens {
                DYNAMIC | 0 => tokens,
                _ => tokens.clamp(floor.cast_signed(), max.cast_signed()),
            });
        }
    }
    (thinking != Thinking::default()).then_some(thinking)
}

/// The weakest of the model's levels that is not below what is wanted.
fn level(thinking: ir::Thinking, levels: &[Effort]) -> Option<&'static str> {
    let wanted = match thinking {
        ir::Thinking::Unset | ir::Thinking::Adaptive(None) => return None,
        ir::Thinking::Off | ir::Thinking::Budget(0) => Effort::None,
        ir::Thinking::Budget(1..=4096) => Effort::Low,
        ir::Thinking::Budget(4097..=16384) => Effort::Medium,
        ir::Thinking::Budget(_) => Effort::High,
        ir::Thinking::Effort(effort) | ir::Thinking::Adaptive(Some(effort)) => effort,
    };
    let enough = levels.iter().find(|level| **level >= wanted);
    Some(match enough.or(levels.last())? {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::XHigh | Effort::Max => "HIGH",
    })
}

fn budget(thinking: ir::Thinking, off: bool, max: u64, max_output: Option<u64>) -> Option<i64> {
    // Models that must think do so as little as they can: 1 is raised to their least.
    let least = if off { 0 } else { 1 };
    let wanted = match thinking {
        ir::Thinking::Unset => return None,
        ir::Thinking::Adaptive(None) => return Some(DYNAMIC),
        ir::Thinking::Off | ir::Thinking::Budget(0) | ir::Thinking::Effort(Effort::None) => {
            return Some(least);
        }
        ir::Thinking::Budget(budget) => budget,
        ir::Thinking::Effort(wanted) | ir::Thinking::Adaptive(Some(wanted)) => match wanted {
            Effort::None | Effort::Minimal => 512,
            Effort::Low => 1024,
            Effort::Medium => 8192,
            Effort::High => 24576,
            Effort::XHigh | Effort::Max => max,
        },
    };
    // A fifth of the output is kept for the answer.
    let room = max_output.map_or(max, |most| most / 5 * 4);
    Some(wanted.min(room).clamp(1, max).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::loss::Strictness;

    fn check(model: &str, thinking: ir::Thinking, wanted: &str) {
        let mut losses = Losses::new(Format::Chat, Format::Gemini, model, Strictness::Lenient);
        let reasoning = Reasoning {
            thinking,
            show: Show::Unset,
        };
        let written = write(reasoning, Gemini::of(model), Some(100_000), &mut losses);
        let json = serde_json::to_string(&written).unwrap_or_default();
        assert_eq!(json, wanted, "{model} {thinking:?}");
    }

    #[test]
    fn efforts_are_levels_on_newer_models() {
        use ir::Thinking::{Adaptive, Budget, Effort as E, Off, Unset};
        let level =
            |level: &str| format!(r#"{{"includeThoughts":true,"thinkingLevel":"{level}"}}"#);
        let flash = "gemini-3-flash";
        check(flash, Unset, "null");
        check(flash, Off, r#"{"thinkingLevel":"MINIMAL"}"#);
        check("gemini-3-pro", Off, r#"{"thinkingLevel":"LOW"}"#);
        check(flash, E(Effort::Minimal), &level("MINIMAL"));
        check("gemini-3-pro", E(Effort::Minimal), &level("LOW"));
        check(flash, E(Effort::Medium), &level("MEDIUM"));
        check("gemini-3-pro", E(Effort::Medium), &level("HIGH"));
        check("gemini-3.1-pro", E(Effort::Medium), &level("MEDIUM"));
        check(flash, E(Effort::Max), &level("HIGH"));
        check(flash, Budget(2000), &level("LOW"));
        check(flash, Adaptive(None), r#"{"includeThoughts":true}"#);
    }

    #[test]
    fn efforts_are_budgets_on_2_5() {
        use ir::Thinking::{Adaptive, Budget, Effort as E, Off};
        let budget = |n: i64| format!(r#"{{"includeThoughts":true,"thinkingBudget":{n}}}"#);
        let (pro, flash) = ("gemini-2.5-pro", "gemini-2.5-flash");
        check(flash, Off, r#"{"thinkingBudget":0}"#);
        check(pro, E(Effort::None), r#"{"thinkingBudget":128}"#);
        check(pro, E(Effort::Minimal), &budget(512));
        check(flash, E(Effort::High), &budget(24576));
        check(pro, E(Effort::Max), &budget(32768));
        check(flash, E(Effort::Max), &budget(24576));
        check(flash, Budget(1_000_000), &budget(24576));
        check("gemini-2.5-flash-lite", Budget(5), &budget(512));
        check(pro, Adaptive(None), &budget(-1));
    }

    #[test]
    fn thoughts_leave_room_for_the_answer() {
        let high = ir::Thinking::Effort(Effort::High);
        assert_eq!(budget(high, true, 24576, Some(2000)), Some(1600));
        assert_eq!(budget(high, true, 24576, Some(0)), Some(1));
    }

    #[test]
    fn older_models_do_not_think() {
        check(
            "gemini-2.0-flash",
            ir::Thinking::Effort(Effort::High),
            "null",
        );
    }
}
