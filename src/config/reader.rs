//! Walks a tree key by key: every wrong thing is noted with its path, and reading goes on.

mod map;

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ledger::Nanos;

pub(crate) use map::{Map, did_you_mean};

use crate::place;
use crate::problem::Problem;
use crate::raw::Node;
use crate::unit;

/// The longest value a problem repeats.
const SHOWN: usize = 40;

static ABSENT: Node = Node::Null;

/// What has been found so far.
#[derive(Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(crate) fn new(first: Vec<Problem>) -> Problems {
        Problems(RefCell::new(first))
    }

    pub(crate) fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// A value, or the place where one could be. Getters return `None` when it is absent, and when it
/// is wrong, which they report.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    path: String,
    node: &'a Node,
    problems: &'a Problems,
}

impl<'a> Field<'a> {
    pub(crate) fn root(node: &'a Node, problems: &'a Problems) -> Field<'a> {
        let path = String::new();
        Field {
            path,
            node,
            problems,
        }
    }

    /// The same value under a name better than its position.
    pub(crate) fn at(mut self, path: String) -> Field<'a> {
        self.path = path;
        self
    }

    pub(crate) fn path(&self) -> &str {
        if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        }
    }

    pub(crate) fn error(&self, what: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .add(Problem::error(self.path(), what).hint(hint));
    }

    pub(crate) fn warn(&self, what: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .add(Problem::warning(self.path(), what).hint(hint));
    }

    /// The text of a scalar, without an opinion about it.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        match self.node {
            Node::Text(text) | Node::FromEnv(text) | Node::Mixed(text) | Node::Secret(text) => {
                Some(text.trim())
            }
            _ => None,
        }
    }

    /// Whether a problem may repeat it.
    pub(crate) fn is_from_env(&self) -> bool {
        matches!(
            self.node,
            Node::FromEnv(_) | Node::Mixed(_) | Node::Secret(_)
        )
    }

    /// Neither a value nor something that has been reported already.
    pub(crate) fn is_absent(&self) -> bool {
        self.node.is_null()
    }

    /// Whether something is wrong with it that has been reported.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.node, Node::Bad)
    }

    /// Reports an absent value.
    pub(crate) fn required(self, hint: &str) -> Field<'a> {
        if self.is_absent() {
            self.error("missing", hint);
        }
        self
    }

    fn expected(&self, wanted: &str, hint: impl Into<String>) {
        self.error(format!("expected {wanted}, found {}", self.shown()), hint);
    }

    /// The value as a problem may repeat it: never one from the environment, never a long one.
    pub(crate) fn shown(&self) -> String {
        match self.node {
            Node::Text(text) if text.is_empty() => "empty text".to_string(),
            Node::Text(text) | Node::Number(text) if text.chars().count() <= SHOWN => {
                format!("`{}`", text.escape_debug())
            }
            Node::FromEnv(text) if text.is_empty() => {
                "an empty value from the environment".to_string()
            }
            Node::FromEnv(_) | Node::Mixed(_) => "a value from the environment".to_string(),
            Node::Secret(_) => "a secret".to_string(),
            Node::Bool(value) => format!("`{value}`"),
            other => other.kind().to_string(),
        }
    }

    /// What a number, a duration, a word is read from.
    fn scalar(&self, wanted: &str, hint: &str) -> Option<&'a str> {
        match self.node {
            Node::Number(text)
            | Node::Text(text)
            | Node::FromEnv(text)
            | Node::Mixed(text)
            | Node::Secret(text) => Some(text.trim()),
            Node::Bool(true) => Some("true"),
            Node::Bool(false) => Some("false"),
            Node::Null | Node::Bad => None,
            _ => {
                self.expected(wanted, hint);
                None
            }
        }
    }

    fn read<T>(
        &self,
        wanted: &str,
        hint: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(self.scalar(wanted, hint)?);
        if value.is_none() {
            self.expected(wanted, hint);
        }
        value
    }

    /// Text as it stands; may be empty.
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.node {
            Node::Text(text) | Node::FromEnv(text) | Node::Mixed(text) | Node::Secret(text) => {
                Some(text)
            }
            Node::Null | Node::Bad => None,
            Node::Number(_) | Node::Bool(_) => {
                self.expected("text", "put it in quotes");
                None
            }
            _ => {
                self.expected("text", "write one value");
                None
            }
        }
    }

    /// Trimmed text that says something; `what` is said when it does not.
    pub(crate) fn word(&self, what: &str) -> Option<&'a str> {
        let text = self.text()?.trim();
        if text.is_empty() {
            let hint = match self.node {
                Node::FromEnv(_) | Node::Mixed(_) => "the environment gives an empty value: set it",
                _ => "write one, or leave the key out",
            };
            self.error(format!("an empty {what}"), hint);
            return None;
        }
        if text.chars().any(char::is_control) {
            self.error(
                format!("a {what} with a control character"),
                "take line breaks and tabs out",
            );
            return None;
        }
        Some(text)
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.read("true or false", "write true or false", |text| {
            text.parse().ok()
        })
    }

    pub(crate) fn integer<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(&wanted, "write digits only", |text| {
            text.parse().ok().filter(|value| range.contains(value))
        })
    }

    /// A decimal as an integer of 10^-9, not negative: money, ratios.
    pub(crate) fn nanos(&self, wanted: &str) -> Option<i64> {
        let text = self.scalar(wanted, "write a decimal number like 2.50")?;
        match text.parse::<Nanos>() {
            Ok(Nanos(value)) if value >= 0 => Some(value),
            Ok(_) => {
                self.expected(&format!("{wanted} of at least 0"), "take the sign off");
                None
            }
            Err(error) => {
                let found = self.shown();
                self.error(
                    format!("expected {wanted}, found {found}, {error}"),
                    "write a decimal number with at most nine decimals",
                );
                None
            }
        }
    }

    /// A duration within bounds.
    pub(crate) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let hint = "write a number with its unit: 20ms, 300s, 5m, 1h, 90d";
        let value = self.read("a duration", hint, unit::duration)?;
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = (unit::spell(*range.start()), unit::spell(*range.end()));
        self.expected(&format!("a duration from {least} to {most}"), hint);
        None
    }

    /// A number of bytes.
    pub(crate) fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let hint = "write a number with its unit: 512KiB, 32MiB, 1GiB, 10MB";
        let value = self.read("a size", hint, unit::size)?;
        if range.contains(&value) {
            return Some(value);
        }
        let wanted = format!("a size from {} to {} bytes", range.start(), range.end());
        self.expected(&wanted, hint);
        None
    }

    /// One of several words.
    pub(crate) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let wanted = format!("one of {}", names.join(", "));
        let text = self.scalar(&wanted, "write one of the words")?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            self.expected(
                &wanted,
                did_you_mean(text, &names, "write one of the words"),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// The items of a list; an absent one has none.
    pub(crate) fn list(&self) -> Vec<Field<'a>> {
        match self.node {
            Node::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Field {
                    path: format!("{}[{index}]", self.path),
                    node,
                    problems: self.problems,
                })
                .collect(),
            Node::Null | Node::Bad => Vec::new(),
            _ => {
                self.expected("a list", "write [a, b], or one item a line after `- `");
                Vec::new()
            }
        }
    }

    /// Whether it is a list (and not a single value).
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node, Node::List(_))
    }

    /// Whether it is a map.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node, Node::Map(_))
    }

    /// The entries of a map with free keys.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Field<'a>)> {
        match self.node {
            Node::Map(entries) => entries
                .iter()
                .map(|(key, node)| {
                    let path = place::key(&self.path, key);
                    let problems = self.problems;
                    (
                        key.as_str(),
                        Field {
                            path,
                            node,
                            problems,
                        },
                    )
                })
                .collect(),
            Node::Null | Node::Bad => Vec::new(),
            _ => {
                self.expected("a map", "write `key: value` lines");
                Vec::new()
            }
        }
    }

    /// A map with known keys; an absent one has none of them.
    pub(crate) fn map(&self) -> Map<'a> {
        Map::new(self)
    }

    /// The value as it would be written in JSON.
    pub(crate) fn json(&self) -> Option<Box<serde_json::value::RawValue>> {
        let mut out = String::new();
        match crate::json::write(self.node, &mut out) {
            Ok(()) => serde_json::value::RawValue::from_string(out).ok(),
            Err(what) => {
                self.error(what, "JSON has only finite numbers");
                None
            }
        }
    }
}
