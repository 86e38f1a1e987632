//! Reasoning suffixes that clients put behind a model's name: `gpt-5-high`,
//! `claude-sonnet-4-5-thinking-8192`, `gemini-2.5-flash-nothinking`.

mod native;

use crate::ir::{Effort, Reasoning, Show, Thinking};
use crate::traits;

pub(crate) use native::patch;

/// What a suffix wishes of the model's thinking. It counts more than what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish(Thinking);

const SUFFIXES: [(&str, Thinking); 9] = [
    ("-high", Thinking::Effort(Effort::High)),
    ("-medium", Thinking::Effort(Effort::Medium)),
    ("-low", Thinking::Effort(Effort::Low)),
    ("-minimal", Thinking::Effort(Effort::Minimal)),
    ("-none", Thinking::Off),
    ("-xhigh", Thinking::Effort(Effort::XHigh)),
    ("-max", Thinking::Effort(Effort::Max)),
    ("-nothinking", Thinking::Off),
    ("-thinking", Thinking::Adaptive(None)),
];

/// `gpt-5` and its wish for `gpt-5-high`; `None` when there is no such suffix, or nothing before
/// it. A name that is served exactly must not be split: `kimi-k2-thinking` is a model.
pub fn split(name: &str) -> Option<(&str, Wish)> {
    let (base, thinking) = budget(name).or_else(|| {
        SUFFIXES
            .iter()
            .find_map(|(suffix, thinking)| Some((name.strip_suffix(suffix)?, *thinking)))
    })?;
    (!base.is_empty()).then_some((base, Wish(thinking)))
}

/// `…-thinking-N`: so many tokens.
fn budget(name: &str) -> Option<(&str, Thinking)> {
    let (rest, digits) = name.rsplit_once('-')?;
    let base = rest.strip_suffix("-thinking")?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thinking = match digits.parse() {
        Ok(0) => Thinking::Off,
        Ok(tokens) => Thinking::Budget(tokens),
        // More than any model can: its most.
        Err(_) => Thinking::Effort(Effort::Max),
    };
    Some((base, thinking))
}

impl Wish {
    /// Whether a model, by the upstream's name, is of a family whose reasoning can be told: OpenAI's,
    /// Claude, Gemini.
    pub fn reaches(self, upstream_model: &str) -> bool {
        traits::has_control(upstream_model)
    }

    /// Puts the wish in place of what the request says.
    pub(crate) fn apply(self, reasoning: &mut Reasoning) {
        reasoning.thinking = self.0;
        // Who asks for thinking by name wants to see it, unless the request says otherwise.
        if self.0 != Thinking::Off && reasoning.show == Show::Unset {
            reasoning.show = Show::Shown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_cut_once() {
        for (suffix, thinking) in SUFFIXES {
            let name = format!("gpt-5{suffix}");
            assert_eq!(split(&name), Some(("gpt-5", Wish(thinking))), "{name}");
        }
        assert_eq!(split("m-high-low").map(|(base, _)| base), Some("m-high"));
    }

    #[test]
    fn a_number_behind_thinking_is_a_budget() {
        let check = |name, thinking| assert_eq!(split(name), Some(("c", Wish(thinking))), "{name}");
        check("c-thinking-8192", Thinking::Budget(8192));
        check("c-thinking-0", Thinking::Off);
        check(
            "c-thinking-99999999999999999999",
            Thinking::Effort(Effort::Max),
        );
    }

    #[test]
    fn names_without_a_suffix_are_left_alone() {
        for name in [
            "gpt-5",
            "o1-mini",
            "claude-x-thinking-",
            "x-thinking-8k",
            "x-thinking-+8",
            "-high",
            "-thinking-9",
            "",
            "high",
        ] {
            assert_eq!(split(name), None, "{name}");
        }
    }

    #[test]
    fn a_wish_reaches_the_families_that_can_be_told() {
        let (_, wish) = split("x-high").expect("a suffix");
        for model in [
            "gpt-5",
            "openai/o3-mini",
            "claude-opus-4-1",
            "gemini-2.5-pro",
            "chatgpt-4o",
        ] {
            assert!(wish.reaches(model), "{model}");
        }
        for model in ["kimi-k2", "deepseek-chat", "olmo-3", ""] {
            assert!(!wish.reaches(model), "{model}");
        }
    }

    #[test]
    fn a_wish_counts_more_than_the_request() {
        let apply = |name, show| {
            let mut reasoning = Reasoning {
                thinking: Thinking::Effort(Effort::Low),
                show,
            };
            split(name).expect("a suffix").1.apply(&mut reasoning);
            (reasoning.thinking, reasoning.show)
        };
        let high = Thinking::Effort(Effort::High);
        assert_eq!(apply("m-high", Show::Unset), (high, Show::Shown));
        assert_eq!(apply("m-high", Show::Hidden), (high, Show::Hidden));
        assert_eq!(
            apply("m-nothinking", Show::Unset),
            (Thinking::Off, Show::Unset)
        );
    }
}
