//! Turns a wish for thinking into each provider's control of it. `formats.md` 7.12 has the table.

use crate::ir::{Effort, Thinking};
use crate::traits::{Claude, ClaudeThinking, Gemini, GeminiThinking, OpenAi, nearest};

/// Anthropic takes no budget below this.
pub(crate) const MIN_CLAUDE_BUDGET: u64 = 1_024;

/// Room that is left for the answer beside a budget that nothing else bounds.
const ANSWER_ROOM: u64 = 4_096;

/// What a Claude model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForClaude {
    /// Nothing: it was not asked for, or the model does not think.
    Unsaid,
    /// `thinking: {type: disabled}`.
    Disabled,
    /// `thinking: {type: enabled, budget_tokens}`.
    Budget(u64),
    /// `thinking: {type: adaptive}`, and `output_config.effort`.
    Adaptive(Option<Effort>),
    /// A budget was wanted, and does not fit into the most output tokens.
    NoRoom,
}

/// What a Gemini model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForGemini {
    Unsaid,
    /// `thinkingBudget`; -1 is as much as the model finds right.
    Budget(i64),
    /// `thinkingLevel`, in Google's word.
    Level(&'static str),
}

/// For a Claude model that is to answer with `max_tokens` at most.
pub(crate) fn for_claude(thinking: Thinking, model: &Claude, max_tokens: u64) -> ForClaude {
    let off = matches!(thinking, Thinking::Off | Thinking::Effort(Effort::None))
        || thinking == Thinking::Budget(0);
    match (thinking, model.thinking) {
        (Thinking::Unset, _) | (_, ClaudeThinking::None) => ForClaude::Unsaid,
        _ if off => ForClaude::Disabled,
        (_, ClaudeThinking::Budget) => budget_for_claude(thinking, model, max_tokens),
        (Thinking::Budget(tokens), ClaudeThinking::Either) => fitted(tokens, max_tokens),
        (Thinking::Budget(tokens), _) => adaptive(Some(effort_of(tokens)), model),
        (Thinking::Effort(effort), _) => adaptive(Some(effort), model),
        (Thinking::Adaptive(effort), _) => adaptive(effort, model),
        (Thinking::Off, _) => ForClaude::Disabled,
    }
}

fn adaptive(effort: Option<Effort>, model: &Claude) -> ForClaude {
    ForClaude::Adaptive(effort.and_then(|effort| nearest(model.efforts, effort)))
}

fn budget_for_claude(thinking: Thinking, model: &Claude, max_tokens: u64) -> ForClaude {
    let wanted = match thinking {
        Thinking::Budget(tokens) => tokens,
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => match effort {
            Effort::Max => model
                .max_output
                .unwrap_or(32_000)
                .saturating_sub(ANSWER_ROOM),
            effort => budget_of(effort),
        },
        _ => budget_of(Effort::Medium),
    };
    fitted(wanted, max_tokens)
}

/// A fifth of the tokens stays for the answer.
fn fitted(wanted: u64, max_tokens: u64) -> ForClaude {
    if max_tokens <= MIN_CLAUDE_BUDGET {
        return ForClaude::NoRoom;
    }
    let most = (max_tokens / 5 * 4).max(MIN_CLAUDE_BUDGET);
    ForClaude::Budget(wanted.clamp(MIN_CLAUDE_BUDGET, most))
}

/// The most output tokens where a model has to be told and the caller did not: the answer's room,
/// and the budget beside it.
pub(crate) fn claude_output(thinking: Thinking, model: &Claude, answer: u64) -> u64 {
    let most = model.max_output.unwrap_or(u64::MAX);
    match for_claude(thinking, model, u64::MAX) {
        ForClaude::Budget(budget) => budget.saturating_add(answer).min(most),
        _ => answer.min(most),
    }
}

/// For a Gemini model.
pub(crate) fn for_gemini(thinking: Thinking, model: &Gemini) -> ForGemini {
    match model.thinking {
        GeminiThinking::None => ForGemini::Unsaid,
        GeminiThinking::Level(known) => {
            let wanted = match thinking {
                Thinking::Unset | Thinking::Adaptive(None) => return ForGemini::Unsaid,
                Thinking::Off => Effort::None,
                Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => effort,
                Thinking::Budget(tokens) => effort_of(tokens),
            };
            level(known, wanted)
        }
        GeminiThinking::Budget { off, floor, max } => {
            let wanted = match thinking {
                Thinking::Unset => return ForGemini::Unsaid,
                Thinking::Adaptive(None) => return ForGemini::Budget(-1),
                Thinking::Off | Thinking::Budget(0) => 0,
                Thinking::Budget(tokens) => tokens,
                Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => {
                    gemini_budget_of(effort, max)
                }
            };
            let least = if off && wanted == 0 { 0 } else { floor };
            ForGemini::Budget(i64::try_from(wanted.clamp(least, max)).unwrap_or(-1))
        }
    }
}

/// A level above what was wanted comes before one below: the middle one is high where there is none.
fn level(known: &[Effort], wanted: Effort) -> ForGemini {
    let above = known.iter().find(|effort| **effort >= wanted);
    match above.or(known.last()) {
        Some(Effort::None | Effort::Minimal) => ForGemini::Level("MINIMAL"),
        Some(Effort::Low) => ForGemini::Level("LOW"),
        Some(Effort::Medium) => ForGemini::Level("MEDIUM"),
        Some(_) => ForGemini::Level("HIGH"),
        None => ForGemini::Unsaid,
    }
}

/// For a model of OpenAI's, or one that is controlled like those. `None`: nothing to say.
pub(crate) fn for_openai(thinking: Thinking, model: &OpenAi) -> Option<Effort> {
    let wanted = match thinking {
        Thinking::Unset | Thinking::Adaptive(None) => return None,
        Thinking::Off => Effort::None,
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => effort,
        Thinking::Budget(tokens) => effort_of(tokens),
    };
    match model.efforts {
        [] if model.thoughtless => None,
        // Nothing is known of it: the word goes as it is.
        [] => Some(wanted),
        known => nearest(known, wanted),
    }
}

/// The effort that a budget of so many tokens stands for.
pub(crate) fn effort_of(budget: u64) -> Effort {
    match budget {
        0 => Effort::None,
        1..=4_096 => Effort::Low,
        4_097..=16_384 => Effort::Medium,
        _ => Effort::High,
    }
}

/// The budget, in tokens, of an effort.
pub(crate) fn budget_of(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal => 1_024,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::XHigh | Effort::Max => 32_000,
    }
}

fn gemini_budget_of(effort: Effort, max: u64) -> u64 {
    match effort {
        Effort::Minimal => 512,
        Effort::Low => 1_024,
        Effort::XHigh | Effort::Max => max,
        effort => budget_of(effort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claude_is_told_by_its_generation() {
        let check = |model, thinking, max_tokens, wanted| {
            let told = for_claude(thinking, &Claude::of(model), max_tokens);
            assert_eq!(told, wanted, "{model} {thinking:?} in {max_tokens}");
        };
        let effort = Thinking::Effort;
        check(
            "claude-3-5-sonnet-latest",
            effort(Effort::High),
            9_000,
            ForClaude::Unsaid,
        );
        check(
            "claude-sonnet-4-5",
            effort(Effort::High),
            64_000,
            ForClaude::Budget(24_576),
        );
        check(
            "claude-sonnet-4-5",
            effort(Effort::High),
            2_000,
            ForClaude::Budget(1_600),
        );
        check(
            "claude-sonnet-4-5",
            effort(Effort::High),
            1_000,
            ForClaude::NoRoom,
        );
        check(
            "claude-sonnet-4-5",
            effort(Effort::Max),
            64_000,
            ForClaude::Budget(51_200),
        );
        check(
            "claude-sonnet-4-5",
            Thinking::Budget(100),
            64_000,
            ForClaude::Budget(1_024),
        );
        check(
            "claude-sonnet-4-5",
            effort(Effort::None),
            64_000,
            ForClaude::Disabled,
        );
        check(
            "claude-opus-4-6",
            Thinking::Budget(9_000),
            64_000,
            ForClaude::Budget(9_000),
        );
        let adaptive = |effort| ForClaude::Adaptive(Some(effort));
        check(
            "claude-opus-4-6",
            effort(Effort::XHigh),
            64_000,
            adaptive(Effort::High),
        );
        check(
            "claude-opus-4-7",
            effort(Effort::XHigh),
            64_000,
            adaptive(Effort::XHigh),
        );
        check(
            "claude-opus-4-7",
            effort(Effort::Minimal),
            64_000,
            adaptive(Effort::Low),
        );
        check(
            "claude-opus-4-7",
            Thinking::Budget(9_000),
            64_000,
            adaptive(Effort::Medium),
        );
        check(
            "claude-opus-4-7",
            Thinking::Adaptive(None),
            64_000,
            ForClaude::Adaptive(None),
        );
        check(
            "claude-opus-4-7",
            Thinking::Off,
            64_000,
            ForClaude::Disabled,
        );
        check(
            "claude-opus-4-7",
            Thinking::Unset,
            64_000,
            ForClaude::Unsaid,
        );
        check(
            "kimi-k2",
            effort(Effort::Low),
            64_000,
            ForClaude::Budget(2_048),
        );
    }

    #[test]
    fn an_unsaid_maximum_leaves_room_for_budget_and_answer() {
        let output = |model, thinking| claude_output(thinking, &Claude::of(model), 8_192);
        assert_eq!(output("claude-sonnet-4-5", Thinking::Unset), 8_192);
        assert_eq!(
            output("claude-sonnet-4-5", Thinking::Effort(Effort::High)),
            32_768
        );
        assert_eq!(
            output("claude-sonnet-4-5", Thinking::Budget(63_000)),
            64_000
        );
        assert_eq!(output("claude-3-haiku-20240307", Thinking::Unset), 4_096);
        assert_eq!(
            output("claude-opus-4-7", Thinking::Effort(Effort::High)),
            8_192
        );
    }

    #[test]
    fn gemini_is_told_by_budget_or_level() {
        let check = |model, thinking, wanted| {
            assert_eq!(
                for_gemini(thinking, &Gemini::of(model)),
                wanted,
                "{model} {thinking:?}"
            );
        };
        let effort = Thinking::Effort;
        check("gemini-2.0-flash", effort(Effort::High), ForGemini::Unsaid);
        check(
            "gemini-2.5-pro",
            effort(Effort::None),
            ForGemini::Budget(128),
        );
        check(
            "gemini-2.5-pro",
            Thinking::Budget(0),
            ForGemini::Budget(128),
        );
        check("gemini-2.5-flash", Thinking::Off, ForGemini::Budget(0));
        check(
            "gemini-2.5-flash",
            effort(Effort::Max),
            ForGemini::Budget(24_576),
        );
        check(
            "gemini-2.5-flash-lite",
            Thinking::Budget(100),
            ForGemini::Budget(512),
        );
        check("gemini-2.5-flash-lite", Thinking::Off, ForGemini::Budget(0));
        check(
            "gemini-2.5-pro",
            Thinking::Budget(99_999),
            ForGemini::Budget(32_768),
        );
        check(
            "gemini-2.5-pro",
            Thinking::Adaptive(None),
            ForGemini::Budget(-1),
        );
        check(
            "gemini-3-pro-preview",
            effort(Effort::Medium),
            ForGemini::Level("HIGH"),
        );
        check(
            "gemini-3.1-pro",
            effort(Effort::Medium),
            ForGemini::Level("MEDIUM"),
        );
        check(
            "gemini-3-pro-preview",
            Thinking::Off,
            ForGemini::Level("LOW"),
        );
        check(
            "gemini-3-flash",
            effort(Effort::None),
            ForGemini::Level("MINIMAL"),
        );
        check(
            "gemini-3-flash",
            effort(Effort::XHigh),
            ForGemini::Level("HIGH"),
        );
        check("gemini-3-flash", Thinking::Unset, ForGemini::Unsaid);
    }

    #[test]
    fn openai_is_told_an_effort_that_the_model_knows() {
        let check = |model, thinking, wanted| {
            assert_eq!(
                for_openai(thinking, &OpenAi::of(model)),
                wanted,
                "{model} {thinking:?}"
            );
        };
        check("gpt-5", Thinking::Off, Some(Effort::Minimal));
        check("gpt-5.1", Thinking::Off, Some(Effort::None));
        check(
            "gpt-5.1",
            Thinking::Effort(Effort::Minimal),
            Some(Effort::None),
        );
        check(
            "gpt-5.2",
            Thinking::Effort(Effort::Max),
            Some(Effort::XHigh),
        );
        check("o3-mini", Thinking::Budget(20_000), Some(Effort::High));
        check(
            "deepseek-chat",
            Thinking::Effort(Effort::Max),
            Some(Effort::Max),
        );
        check("gpt-5", Thinking::Adaptive(None), None);
        check("gpt-5", Thinking::Unset, None);
        check("gpt-4o", Thinking::Effort(Effort::High), None);
        check("gpt-oss-120b", Thinking::Off, Some(Effort::None));
    }
}
