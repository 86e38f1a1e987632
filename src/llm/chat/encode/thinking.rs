//! Writes how much the model is to think, in the control that its vendor gives it.

use super::accent::Accent;
use super::wire::{Body, Switch};
use crate::ir::{Effort, Feature, Request, Thinking};
use crate::loss::Losses;
use crate::thinking::{budget_of, effort_of, for_openai};
use crate::traits::{ChatTools, nearest};

const OF_OSS: &[Effort] = &[Effort::Low, Effort::Medium, Effort::High];

/// Puts the control into the body; where the model has none, the wish is dropped.
pub(super) fn control(
    request: &Request<'_>,
    body: &mut Body<'_>,
    accent: &Accent<'_>,
    losses: &mut Losses,
) {
    let thinking = request.reasoning.thinking;
    if thinking == Thinking::Unset {
        return;
    }
    let effort = effort(thinking);
    match accent.family {
        _ if accent.own && !accent.openai.efforts.is_empty() => {
            openai(body, thinking, accent, losses)
        }
        // What is not to think, and does not, loses nothing.
        _ if accent.own && effort == Some(Effort::None) => {}
        "gpt" if accent.model.contains("oss") => {
            let known = effort.and_then(|effort| nearest(OF_OSS, effort));
            body.reasoning_effort = known.map(Effort::as_str);
        }
        "deepseek" => {
            body.thinking = Some(switch(effort));
            body.reasoning_effort = effort.and_then(deepseek);
        }
        "glm" => body.thinking = Some(switch(effort)),
        "qwen" | "qwq" => {
            body.enable_thinking = Some(effort != Some(Effort::None));
            body.thinking_budget = qwen(thinking);
        }
        "claude" | "gemini" => body.reasoning_effort = effort.map(Effort::as_str),
        // Only xAI's small models have a choice.
        "grok" if accent.model.contains("mini") => {
            let known = effort.and_then(|effort| nearest(&[Effort::Low, Effort::High], effort));
            body.reasoning_effort = known.map(Effort::as_str);
        }
        _ => losses.hint(Feature::Reasoning),
    }
}

/// Some of OpenAI's models take tools on chat only while they do not think.
fn openai(body: &mut Body<'_>, thinking: Thinking, accent: &Accent<'_>, losses: &mut Losses) {
    let effort = for_openai(thinking, &accent.openai);
    let clash = accent.openai.chat_tools == ChatTools::NotWhileThinking && !body.tools.is_empty();
    let told = match effort {
        Some(effort) if clash && effort != Effort::None => {
            losses.hint(Feature::Reasoning);
            Some(Effort::None)
        }
        effort => effort,
    };
    body.reasoning_effort = told.map(Effort::as_str);
}

fn effort(thinking: Thinking) -> Option<Effort> {
    match thinking {
        Thinking::Unset | Thinking::Adaptive(None) => None,
        Thinking::Off => Some(Effort::None),
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => Some(effort),
        Thinking::Budget(tokens) => Some(effort_of(tokens)),
    }
}

fn switch(effort: Option<Effort>) -> Switch {
    Switch {
        kind: match effort {
            Some(Effort::None) => "disabled",
            _ => "enabled",
        },
    }
}

/// There is no medium.
fn deepseek(effort: Effort) -> Option<&'static str> {
    match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium | Effort::High => Some("high"),
        Effort::XHigh | Effort::Max => Some("max"),
    }
}

/// Unsaid, the budget is as large as the model can.
fn qwen(thinking: Thinking) -> Option<u64> {
    match thinking {
        Thinking::Budget(0) => None,
        Thinking::Budget(tokens) => Some(tokens),
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => match effort {
            Effort::None | Effort::XHigh | Effort::Max => None,
            effort => Some(budget_of(effort)),
        },
        _ => None,
    }
}
