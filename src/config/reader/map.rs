//! Maps with known keys: what nobody asks for is unknown.

use super::{ABSENT, Field, Problems};
use crate::place;
use crate::problem::Problem;
use crate::spelling::closest;

/// A map of which every key is taken once; what is left over is unknown.
#[must_use = "finish() reports unknown keys"]
pub(crate) struct Map<'a> {
    entries: Vec<Option<(&'a str, Field<'a>)>>,
    path: String,
    known: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Map<'a> {
    pub(super) fn new(field: &Field<'a>) -> Map<'a> {
        Map {
            entries: field.entries().into_iter().map(Some).collect(),
            path: field.path.clone(),
            known: Vec::new(),
            problems: field.problems,
        }
    }

    /// The value of `key`, which becomes known.
    pub(crate) fn take(&mut self, key: &'static str) -> Field<'a> {
        self.known.push(key);
        let is_it = |entry: &Option<(&str, _)>| matches!(entry, Some((name, _)) if *name == key);
        match self
            .entries
            .iter()
            .position(is_it)
            .and_then(|at| self.entries[at].take())
        {
            Some((_, field)) => field,
            None => self.absent(key),
        }
    }

    /// The value of `key`, which stays where it is.
    pub(crate) fn peek(&self, key: &'static str) -> Field<'a> {
        let mut entries = self.entries.iter().flatten();
        match entries.find(|(name, _)| *name == key) {
            Some((_, field)) => field.clone(),
            None => self.absent(key),
        }
    }

    /// Keys that stood beside these and were taken out before: hints tell of them, too.
    pub(crate) fn beside(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    fn absent(&self, key: &str) -> Field<'a> {
        Field {
            path: place::key(&self.path, key),
            node: &ABSENT,
            problems: self.problems,
        }
    }

    /// Reports something about the map as a whole.
    pub(crate) fn error(&self, what: &str, hint: &str) {
        self.problems
            .add(Problem::error(self.path.as_str(), what).hint(hint));
    }

    /// Reports every key nobody took.
    pub(crate) fn finish(self) {
        for (key, field) in self.entries.into_iter().flatten() {
            let fallback = format!("known here: {}", self.known.join(", "));
            field.error("unknown key", did_you_mean(key, &self.known, &fallback));
        }
    }
}

/// Advice for a misspelt word.
pub(crate) fn did_you_mean(word: &str, known: &[&str], otherwise: &str) -> String {
    match closest(word, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => otherwise.to_string(),
    }
}
