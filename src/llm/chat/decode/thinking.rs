//! Reads how much the model is to think: OpenAI's word, and the switches of compatible providers.

use crate::chat::read::Value;
use crate::ir::{Effort, Reasoning, Show, Thinking};
use crate::loss::Misfit;

/// The fields, as they came. Where several are said, the more exact one counts.
#[derive(Default)]
pub(super) struct Wire {
    effort: Option<Effort>,
    budget: Option<u64>,
    on: Option<bool>,
    show: Show,
    adaptive: bool,
}

impl Wire {
    /// Reads the field, if it is about reasoning.
    pub(super) fn field(&mut self, name: &str, value: Value<'_>) -> Result<bool, Misfit> {
        match name {
            "reasoning_effort" => self.effort = effort(value, "reasoning_effort")?,
            // OpenRouter.
            "reasoning" => self.router(value)?,
            // DeepSeek, GLM, Doubao, and Claude behind OpenAI's format.
            "thinking" => self.thinking(value)?,
            // Qwen.
            "enable_thinking" => self.on = value.flag(|| name.to_owned())?,
            "thinking_budget" => self.budget = value.count(|| name.to_owned())?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn router(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        if let Some(said) = value.get("effort") {
            self.effort = effort(said, "reasoning.effort")?;
        }
        if let Some(budget) = value.get("max_tokens") {
            self.budget = budget.count(|| "reasoning.max_tokens".to_owned())?;
        }
        if let Some(on) = value.get("enabled") {
            self.on = on.flag(|| "reasoning.enabled".to_owned())?;
        }
        if value.get("exclude").is_some_and(Value::is_true) {
            self.show = Show::Hidden;
        }
        Ok(())
    }

    fn thinking(&mut self, value: Value<'_>) -> Result<(), Misfit> {
        let kind = value.get("type").and_then(Value::text);
        match kind.as_deref() {
            Some("disabled") => self.on = Some(false),
            Some("enabled") => self.on = Some(true),
            Some("adaptive" | "auto") => self.adaptive = true,
            _ => {
                let problem = "must be \"enabled\", \"disabled\" or \"adaptive\"";
                return Err(Misfit::malformed("thinking.type", problem));
            }
        }
        if let Some(budget) = value.get("budget_tokens") {
            self.budget = budget.count(|| "thinking.budget_tokens".to_owned())?;
        }
        Ok(())
    }

    fn asked(&self) -> Thinking {
        match (self.on, self.budget, self.effort) {
            (Some(false), ..) | (_, _, Some(Effort::None)) => Thinking::Off,
            (_, Some(0), _) => Thinking::Off,
            (_, Some(budget), _) => Thinking::Budget(budget),
            (_, None, effort) if self.adaptive => Thinking::Adaptive(effort),
            (_, None, Some(effort)) => Thinking::Effort(effort),
            (Some(true), None, None) => Thinking::Adaptive(None),
            (None, None, None) => Thinking::Unset,
        }
    }

    /// How much is thought, and shown. Chat has no switch for showing: who asks for thinking is
    /// shown it.
    pub(super) fn reasoning(self) -> Reasoning {
        let thinking = self.asked();
        let show = match (self.show, thinking) {
            (Show::Unset, Thinking::Unset | Thinking::Off) => Show::Unset,
            (Show::Unset, _) => Show::Shown,
            (said, _) => said,
        };
        Reasoning { thinking, show }
    }
}

fn effort(value: Value<'_>, path: &'static str) -> Result<Option<Effort>, Misfit> {
    let word = value.string(|| path.to_owned())?.unwrap_or_default();
    match Effort::named(&word) {
        Some(effort) => Ok(Some(effort)),
        // Groq's word for saying nothing.
        None if word == "default" => Ok(None),
        None => Err(Misfit::malformed(
            path,
            "must be one of none, minimal, low, medium, high, xhigh, max",
        )),
    }
}
