//! Reads JSON values that were validated before, and says which one is wrong.

use std::borrow::Cow;
use std::fmt;

use crate::ask::kind;
use crate::fields;
use crate::ir::Text;
use crate::loose::mended;
use crate::loss::Misfit;

/// Where a value stands in the request; spelled out only when something is wrong with it.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    outer: Option<&'p Place<'p>>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Member(&'static str),
    Element(usize),
}

impl<'p> Place<'p> {
    /// A member of the request itself.
    pub(super) fn top(name: &'static str) -> Place<'static> {
        Place {
            outer: None,
            step: Step::Member(name),
        }
    }

    /// A member of the object at this place.
    pub(super) fn member(&'p self, name: &'static str) -> Place<'p> {
        Place {
            outer: Some(self),
            step: Step::Member(name),
        }
    }

    /// An element of the array at this place.
    pub(super) fn element(&'p self, at: usize) -> Place<'p> {
        Place {
            outer: Some(self),
            step: Step::Element(at),
        }
    }

    /// What is wrong with the value.
    pub(super) fn wrong(&self, problem: &str) -> Misfit {
        Misfit::malformed(self.to_string(), problem)
    }

    /// The value is of another type than `wanted`.
    pub(super) fn must_be(&self, wanted: &str, found: &[u8]) -> Misfit {
        self.wrong(&format!("must be {wanted}, not {}", kind(found)))
    }

    /// The value at this place, which must be there.
    pub(super) fn required<'a>(&self, value: Option<&'a [u8]>) -> Result<&'a [u8], Misfit> {
        value.ok_or_else(|| self.wrong("is missing"))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        match (self.step, self.outer) {
            (Step::Member(name), None) => f.write_str(name),
            (Step::Member(name), Some(_)) => write!(f, ".{name}"),
            (Step::Element(at), _) => write!(f, "[{at}]"),
        }
    }
}

/// The members of those names, the last of each; null is as good as absent.
pub(super) fn pick<'a, const N: usize>(
    object: &'a [u8],
    names: [&str; N],
) -> [Option<&'a [u8]>; N] {
    let mut found = [None; N];
    fields::members(object, |name, _, value| {
        if let Some(place) = names.iter().position(|known| *known == name) {
            found[place] = (value != b"null").then_some(value);
        }
    });
    found
}

/// The same for a value that must be an object.
pub(super) fn object<'a, const N: usize>(
    value: &'a [u8],
    place: &Place<'_>,
    names: [&str; N],
) -> Result<[Option<&'a [u8]>; N], Misfit> {
    match value.first() {
        Some(b'{') => Ok(pick(value, names)),
        _ => Err(place.must_be("an object", value)),
    }
}

/// Reads every element of an array.
pub(super) fn each<'a>(
    value: &'a [u8],
    place: &Place<'_>,
    mut read: impl FnMut(&'a [u8], &Place<'_>) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    if value.first() != Some(&b'[') {
        return Err(place.must_be("an array", value));
    }
    let (mut at, mut result) = (0, Ok(()));
    fields::elements(value, |_, element| {
        if result.is_ok() {
            result = read(element, &place.element(at));
        }
        at += 1;
    });
    result
}

/// A string. Half a surrogate pair in it, which no upstream would take, becomes U+FFFD.
pub(super) fn string<'a>(value: &'a [u8], place: &Place<'_>) -> Result<Text<'a>, Misfit> {
    if value.first() != Some(&b'"') {
        return Err(place.must_be("a string", value));
    }
    if let Some(text) = fields::text(value) {
        return Ok(text);
    }
    let whole = mended(value).and_then(|json| serde_json::from_slice(&json).ok());
    whole
        .map(Cow::Owned)
        .ok_or_else(|| place.wrong("is not valid Unicode"))
}

/// A string, where there is one.
pub(super) fn optional<'a>(
    value: Option<&'a [u8]>,
    place: &Place<'_>,
) -> Result<Option<Text<'a>>, Misfit> {
    value.map(|value| string(value, place)).transpose()
}

/// A value as it is written.
pub(super) fn raw(value: &[u8]) -> Text<'_> {
    String::from_utf8_lossy(value)
}

/// An object as it is written.
pub(super) fn raw_object<'a>(value: &'a [u8], place: &Place<'_>) -> Result<Text<'a>, Misfit> {
    match value.first() {
        Some(b'{') => Ok(raw(value)),
        _ => Err(place.must_be("an object", value)),
    }
}

/// A whole number, zero or more.
pub(super) fn count(value: &[u8], place: &Place<'_>) -> Result<u64, Misfit> {
    serde_json::from_slice(value).map_err(|_| place.must_be("a whole number, zero or more", value))
}

/// Any number.
pub(super) fn number(value: &[u8], place: &Place<'_>) -> Result<f64, Misfit> {
    serde_json::from_slice(value).map_err(|_| place.must_be("a number", value))
}

/// True or false; absent is false.
pub(super) fn flag(value: Option<&[u8]>, place: &Place<'_>) -> Result<bool, Misfit> {
    match value {
        Some(b"true") => Ok(true),
        Some(b"false") | None => Ok(false),
        Some(other) => Err(place.must_be("true or false", other)),
    }
}
