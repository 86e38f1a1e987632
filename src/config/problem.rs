//! One thing that is wrong in a configuration: where, what, and what to do about it.

use std::fmt;

/// Whether a configuration with the problem can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does not compile.
    Error,
    /// It compiles, and the operator should know.
    Warning,
}

/// A finding of `compile`. Never holds a secret: values that may be one are not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `channels.openai-main.base_url`, a file, or an environment variable.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the configuration can run all the same.
    pub severity: Severity,
}

impl Problem {
    /// A problem that keeps the configuration from running.
    pub fn error(path: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem {
            path: path.into(),
            what: what.into(),
            hint: None,
            severity: Severity::Error,
        }
    }

    /// A problem that the operator should know of.
    pub fn warning(path: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(path, what)
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the configuration cannot run with it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " — {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_path_what_hint() {
        let problem = Problem::error("gateway.listen", "no port").hint("write 0.0.0.0:3000");
        assert_eq!(
            problem.to_string(),
            "gateway.listen: no port — write 0.0.0.0:3000"
        );
        assert_eq!(Problem::warning("a", "b").to_string(), "a: b");
    }
}
