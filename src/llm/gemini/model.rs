//! What Google's models differ in, told by their names.

/// The generations that want different requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Generation {
    /// Before 2.5: no thinking, and schemas in Google's own dialect only.
    Older,
    /// 2.5: thinks by a budget.
    Budgets,
    /// 3 and later: thinks by a level; calls have ids and must carry their proofs.
    Levels,
}

/// A model as its name describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) generation: Generation,
    pub(super) size: Size,
    /// Has the level between low and high.
    pub(super) medium: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Pro,
    Flash,
    Lite,
}

impl Model {
    /// `gemini-2.5-pro`, `models/gemini-3-flash-preview`, `google/gemini-flash-latest` …
    pub(super) fn named(model: &str) -> Model {
        let name = model.rsplit('/').next().unwrap_or(model);
        let version = name.strip_prefix("gemini-").unwrap_or("");
        let size = match version {
            _ if version.contains("lite") => Size::Lite,
            _ if version.contains("flash") => Size::Flash,
            _ => Size::Pro,
        };
        Model {
            generation: generation(name, version),
            size,
            medium: !version.starts_with("3-pro"),
        }
    }
}

fn generation(name: &str, version: &str) -> Generation {
    // `gemini-pro-latest` is of the newest generation; plain `gemini-pro` was of the first.
    if version.ends_with("-latest") && !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Generation::Levels;
    }
    let digits = version.split('-').next().unwrap_or("");
    let mut numbers = digits.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(3..), _) => Generation::Levels,
        (Some(2), Some(5..)) => Generation::Budgets,
        (Some(_), _) => Generation::Older,
        // A name of the operator's own: what most upstreams understand today.
        (None, _) if name.starts_with("gemini-robotics") => Generation::Budgets,
        (None, _) => Generation::Older,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_model_wants() {
        use Generation::{Budgets, Levels, Older};
        use Size::{Flash, Lite, Pro};
        for (name, generation, size) in [
            ("gemini-2.5-pro", Budgets, Pro),
            ("models/gemini-2.5-flash-lite-preview", Budgets, Lite),
            ("gemini-2.0-flash", Older, Flash),
            ("gemini-1.5-pro-002", Older, Pro),
            ("google/gemini-3-flash-preview", Levels, Flash),
            ("gemini-3.1-pro-preview", Levels, Pro),
            ("gemini-flash-latest", Levels, Flash),
            ("gemma-3-27b-it", Older, Pro),
            ("gpt-4o", Older, Pro),
        ] {
            let model = Model::named(name);
            assert_eq!((model.generation, model.size), (generation, size), "{name}");
        }
        assert!(!Model::named("gemini-3-pro-preview").medium);
        assert!(Model::named("gemini-3.1-pro").medium);
    }
}
