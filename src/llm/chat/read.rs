//! Reads the values of a request in the types its format gives them.
//!
//! A request was validated as JSON and UTF-8 before; here only types are looked at. Null is as
//! good as nothing. Errors name the path.

use std::borrow::Cow;

use crate::ask::kind;
use crate::fields::{elements, members, text};
use crate::ir::Text;
use crate::loose;
use crate::loss::Misfit;

/// A value of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// The value written in `json`, which must be valid.
    pub(super) fn new(json: &'a [u8]) -> Value<'a> {
        Value(json)
    }

    /// `None` for null.
    pub(super) fn some(self) -> Option<Value<'a>> {
        (self.0 != b"null").then_some(self)
    }

    pub(super) fn is_string(self) -> bool {
        self.0.starts_with(b"\"")
    }

    pub(super) fn is_list(self) -> bool {
        self.0.starts_with(b"[")
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with(b"{")
    }

    pub(super) fn is_true(self) -> bool {
        self.0 == b"true"
    }

    /// As it is written.
    pub(super) fn raw(self) -> Text<'a> {
        String::from_utf8_lossy(self.0)
    }

    /// A string's text, where it is a string. Half a surrogate pair is U+FFFD.
    pub(super) fn text(self) -> Option<Text<'a>> {
        if !self.is_string() {
            return None;
        }
        text(self.0).or_else(|| {
            let mended = loose::mended(self.0)?;
            serde_json::from_slice(&mended).ok().map(Cow::Owned)
        })
    }

    /// A string's text; null is nothing.
    pub(super) fn string(self, path: impl FnOnce() -> String) -> Result<Option<Text<'a>>, Misfit> {
        if self.some().is_none() {
            return Ok(None);
        }
        let text = self.text();
        text.map(Some).ok_or_else(|| self.wrong(path(), "a string"))
    }

    pub(super) fn flag(self, path: impl FnOnce() -> String) -> Result<Option<bool>, Misfit> {
        match self.0 {
            b"true" => Ok(Some(true)),
            b"false" => Ok(Some(false)),
            b"null" => Ok(None),
            _ => Err(self.wrong(path(), "true or false")),
        }
    }

    pub(super) fn number(self, path: impl FnOnce() -> String) -> Result<Option<f64>, Misfit> {
        self.parsed(path, "a number")
    }

    pub(super) fn count(self, path: impl FnOnce() -> String) -> Result<Option<u64>, Misfit> {
        self.parsed(path, "a whole number, zero or more")
    }

    pub(super) fn integer(self, path: impl FnOnce() -> String) -> Result<Option<i64>, Misfit> {
        self.parsed(path, "a whole number")
    }

    fn parsed<T: std::str::FromStr>(
        self,
        path: impl FnOnce() -> String,
        wanted: &str,
    ) -> Result<Option<T>, Misfit> {
        if self.some().is_none() {
            return Ok(None);
        }
        let written = std::str::from_utf8(self.0).unwrap_or_default();
        let number = matches!(self.0.first(), Some(b'-' | b'0'..=b'9'));
        match written.parse() {
            Ok(value) if number => Ok(Some(value)),
            _ => Err(self.wrong(path(), wanted)),
        }
    }

    /// The members of those names, in one pass: a part may carry megabytes. Null is nothing, the
    /// last of several counts, and what is no object has no members.
    pub(super) fn pick<const N: usize>(self, names: [&str; N]) -> [Option<Value<'a>>; N] {
        let mut found = [None; N];
        members(self.0, |member, _, value| {
            if let Some(place) = names.iter().position(|name| *name == member) {
                found[place] = Value(value).some();
            }
        });
        found
    }

    /// The member of that name.
    pub(super) fn get(self, name: &str) -> Option<Value<'a>> {
        let [found] = self.pick([name]);
        found
    }

    /// Whether this is an object that has members.
    pub(super) fn has_members(self) -> bool {
        let mut any = false;
        members(self.0, |_, _, _| any = true);
        any
    }

    /// The elements of an array; none of anything else.
    pub(super) fn elements(self) -> Vec<Value<'a>> {
        let mut all = Vec::new();
        elements(self.0, |_, element| all.push(Value(element)));
        all
    }

    /// The elements of what must be an array.
    pub(super) fn list(self, path: impl FnOnce() -> String) -> Result<Vec<Value<'a>>, Misfit> {
        match self.is_list() {
            true => Ok(self.elements()),
            false => Err(self.wrong(path(), "an array")),
        }
    }

    /// Says that something else stands here than `wanted`.
    pub(super) fn wrong(self, path: String, wanted: &str) -> Misfit {
        Misfit::malformed(path, &format!("must be {wanted}, not {}", kind(self.0)))
    }
}
