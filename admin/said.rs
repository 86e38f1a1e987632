//! What a body says, member by member: every wrong one is noted, and reading goes on.

use serde_json::{Map, Value};

use crate::body::Members;
use crate::names::why_no_note;
use crate::problem::{Finding, Problem};

/// Characters of an unknown member's name that are repeated.
const SHOWN: usize = 64;
/// Bytes of settings as JSON: every database keeps so many.
pub(crate) const MAX_SETTINGS: usize = 60_000;

/// A body that is being read.
pub(crate) struct Said {
    pub(crate) members: Map<String, Value>,
    findings: Vec<Finding>,
}

impl Said {
    pub(crate) fn new(Members(members): Members) -> Said {
        Said {
            members,
            findings: Vec::new(),
        }
    }

    pub(crate) fn finding(&mut self, path: &str, what: impl Into<String>) {
        self.findings.push(Finding::new(path, what));
    }

    /// Notes problems of the configuration; what only warns refuses nothing.
    pub(crate) fn findings(&mut self, problems: Vec<config::Problem>) {
        let errors = problems.into_iter().filter(config::Problem::is_error);
        self.findings.extend(errors.map(Finding::from));
    }

    /// The same of a change: what was wrong before is not its fault, and must not keep anybody from
    /// disabling what is broken.
    pub(crate) fn new_findings(
        &mut self,
        problems: Vec<config::Problem>,
        before: Result<Vec<config::Problem>, Vec<config::Problem>>,
    ) {
        let before = before.err().unwrap_or_default();
        let new = problems.into_iter().filter(|one| !is_known(one, &before));
        self.findings(new.collect());
    }

    /// Takes a member out; null is one not given.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.members.shift_remove(name)?;
        Some(value).filter(|value| !value.is_null())
    }

    /// A text, if it is given.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.finding(name, "not a text");
                None
            }
        }
    }

    /// A name that rows are found by, if `wrong` finds nothing wrong with it: it has to be given.
    pub(crate) fn name(&mut self, wrong: impl Fn(&str) -> Option<String>) -> String {
        match self.take("name") {
            Some(Value::String(name)) => {
                if let Some(what) = wrong(&name) {
                    self.finding("name", what);
                }
                return name;
            }
            Some(_) => self.finding("name", "not a text"),
            None => self.finding("name", "missing"),
        }
        String::new()
    }

    /// Refuses another name than `name`, which is what the path says.
    pub(crate) fn same_name(&mut self, name: &str) {
        if self.text("name").is_some_and(|said| said != name) {
            self.finding("name", "a name cannot be changed");
        }
    }

    /// Refuses a note that is too long or cannot be shown.
    pub(crate) fn check_note(&mut self) {
        if let Some(Value::String(note)) = self.members.get("note")
            && let Some(what) = why_no_note(note)
        {
            self.finding("note", what);
        }
    }

    /// What is left as settings: JSON that a store can keep.
    pub(crate) fn settings(&mut self) -> String {
        let settings = Value::Object(self.members.clone()).to_string();
        if settings.len() > MAX_SETTINGS {
            self.finding("", format!("more than {MAX_SETTINGS} bytes"));
        }
        settings
    }

    /// Refuses every member that nobody took out.
    pub(crate) fn nothing_else(&mut self) {
        let names: Vec<String> = self.members.keys().cloned().collect();
        for name in names {
            self.finding(&shown(&name), "unknown");
        }
    }

    /// Everything that is wrong, or nothing.
    pub(crate) fn check(&mut self) -> Result<(), Problem> {
        let findings = std::mem::take(&mut self.findings);
        match findings.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid(findings)),
        }
    }
}

/// Whether it is among `known`. Hints list what else there is: they may differ.
pub(crate) fn is_known(problem: &config::Problem, known: &[config::Problem]) -> bool {
    known
        .iter()
        .any(|known| known.path == problem.path && known.what == problem.what)
}

/// Settings of a row as an object. They were one when they were written.
pub(crate) fn object(settings: &str) -> Map<String, Value> {
    serde_json::from_str(settings).unwrap_or_default()
}

/// The beginning of a client's own words.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
