//! What OpenAI's models take, told by their names.

use crate::ir::Effort::{self, High, Low, Medium, Minimal, None as NoEffort, XHigh};

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reasons {
    /// It reasons, in these steps of effort, weakest first.
    In(&'static [Effort]),
    /// It does not reason: it refuses what concerns reasoning.
    Never,
    /// Another vendor's: nothing is known.
    Unknown,
}

/// The beginning of a name, then its steps. The first that fits counts.
const MODELS: &[(&str, Reasons)] = &[
    ("gpt-5-chat", Reasons::Never),
    ("gpt-5-codex", Reasons::In(&[Low, Medium, High])),
    ("gpt-5-pro", Reasons::In(&[High])),
    (
        "gpt-5.1-codex-max",
        Reasons::In(&[Low, Medium, High, XHigh]),
    ),
    ("gpt-5.1-codex", Reasons::In(&[Low, Medium, High])),
    ("gpt-5.1", Reasons::In(&[NoEffort, Low, Medium, High])),
    ("gpt-5.", Reasons::In(&[NoEffort, Low, Medium, High, XHigh])),
    ("gpt-5", Reasons::In(&[Minimal, Low, Medium, High])),
    ("codex-", Reasons::In(&[Low, Medium, High])),
    ("o1", Reasons::In(&[Low, Medium, High])),
    ("o3", Reasons::In(&[Low, Medium, High])),
    ("o4", Reasons::In(&[Low, Medium, High])),
    ("gpt-4", Reasons::Never),
    ("gpt-3.5", Reasons::Never),
    ("chatgpt-", Reasons::Never),
];

impl Reasons {
    /// What the model of that name takes, whatever stands before its last slash.
    pub(super) fn of(model: &str) -> Reasons {
        let name = model.rsplit('/').next().unwrap_or(model);
        let known = MODELS.iter().find(|(start, _)| name.starts_with(start));
        known.map_or(Reasons::Unknown, |(_, reasons)| *reasons)
    }

    /// The nearest effort the model has, rather a weaker one; none where it has none at all.
    pub(super) fn nearest(self, wanted: Effort) -> Option<Effort> {
        match self {
            Reasons::Unknown => Some(wanted),
            Reasons::Never => None,
            Reasons::In(steps) => {
                let weaker = steps.iter().rev().find(|step| **step <= wanted);
                weaker.or(steps.first()).copied()
            }
        }
    }

    /// Whether the model takes temperature and the like while it thinks with that effort: those
    /// that can do without thinking, do so unless asked.
    pub(super) fn samples(self, effort: Option<Effort>) -> bool {
        match self {
            Reasons::In([NoEffort, ..]) => matches!(effort, None | Some(NoEffort)),
            Reasons::In(_) => false,
            Reasons::Never | Reasons::Unknown => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_becomes_the_nearest_that_the_model_has() {
        let nearest = |model, effort| Reasons::of(model).nearest(effort);
        assert_eq!(nearest("o3-mini", Minimal), Some(Low));
        assert_eq!(nearest("openai/gpt-5-mini", NoEffort), Some(Minimal));
        assert_eq!(nearest("gpt-5.1", Effort::Max), Some(High));
        assert_eq!(nearest("gpt-5.2", Effort::Max), Some(XHigh));
        assert_eq!(nearest("gpt-5.2", Minimal), Some(NoEffort));
        assert_eq!(nearest("grok-4", Effort::Max), Some(Effort::Max));
        assert_eq!(nearest("gpt-4o", High), None);
    }

    #[test]
    fn a_model_that_thinks_takes_no_temperature() {
        assert!(!Reasons::of("o3").samples(None));
        assert!(Reasons::of("gpt-5.2").samples(None));
        assert!(!Reasons::of("gpt-5.2").samples(Some(Low)));
        assert!(Reasons::of("gpt-4o").samples(None));
    }
}
