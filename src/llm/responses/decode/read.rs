//! Values of a request: of the right type, absent (null counts as absent), or a misfit that says
//! where.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::ir::Text;
use crate::loose::{self, List, Members, Slot};
use crate::loss::Misfit;

/// A member as it is written.
pub(super) type Written<'a> = Option<&'a RawValue>;

/// A string. Halves of surrogate pairs become U+FFFD.
pub(super) fn text<'a>(path: &str, value: Written<'a>) -> Result<Option<Text<'a>>, Misfit> {
    let Some(json) = value.map(RawValue::get) else {
        return Ok(None);
    };
    if !json.starts_with('"') {
        return Err(misfit(path, "must be a string"));
    }
    if let Ok(text) = serde_json::from_str::<loose::Text<'a>>(json) {
        return Ok(Some(text.0));
    }
    let mended = loose::mended(json.as_bytes()).unwrap_or_default();
    let text = serde_json::from_slice::<String>(&mended).map_err(|_| misfit(path, "is no text"))?;
    Ok(Some(Cow::Owned(text)))
}

/// A string that says something.
pub(super) fn word<'a>(path: &str, value: Written<'a>) -> Result<Option<Text<'a>>, Misfit> {
    Ok(text(path, value)?.filter(|text| !text.is_empty()))
}

/// A whole number that is not negative.
pub(super) fn count(path: &str, value: Written<'_>) -> Result<Option<u64>, Misfit> {
    typed(path, value, "must be a whole number, not negative")
}

/// A number.
pub(super) fn number(path: &str, value: Written<'_>) -> Result<Option<f64>, Misfit> {
    typed(path, value, "must be a number")
}

/// `true` or `false`.
pub(super) fn flag(path: &str, value: Written<'_>) -> Result<Option<bool>, Misfit> {
    typed(path, value, "must be true or false")
}

/// An object, by its known members.
pub(super) fn object<'a, T: Members<'a>>(
    path: &str,
    value: Written<'a>,
) -> Result<Option<T>, Misfit> {
    let Some(json) = value.map(RawValue::get) else {
        return Ok(None);
    };
    match serde_json::from_str::<Slot<T>>(json) {
        Ok(Slot(Some(found))) => Ok(Some(found)),
        _ => Err(misfit(path, "must be an object")),
    }
}

/// The values of an array.
pub(super) fn array<'a>(path: &str, value: Written<'a>) -> Result<Vec<&'a RawValue>, Misfit> {
    typed(path, value, "must be an array").map(Option::unwrap_or_default)
}

/// The JSON of an object.
pub(super) fn raw_object<'a>(path: &str, value: Written<'a>) -> Result<Option<Text<'a>>, Misfit> {
    match value.map(RawValue::get) {
        None => Ok(None),
        Some(json) if json.starts_with('{') => Ok(Some(Cow::Borrowed(json))),
        Some(_) => Err(misfit(path, "must be an object")),
    }
}

/// The objects of an array, empty where it is none.
pub(super) fn objects<'a, T: Members<'a>>(value: Written<'a>) -> Vec<T> {
    let json = value.map_or("[]", RawValue::get);
    let list = serde_json::from_str::<List<T>>(json).unwrap_or_default();
    list.0.unwrap_or_default()
}

/// A request that is wrong at that place.
pub(super) fn misfit(path: &str, problem: &str) -> Misfit {
    Misfit::malformed(path.to_owned(), problem)
}

fn typed<'a, T: serde::Deserialize<'a>>(
    path: &str,
    value: Written<'a>,
    problem: &str,
) -> Result<Option<T>, Misfit> {
    let Some(json) = value.map(RawValue::get) else {
        return Ok(None);
    };
    serde_json::from_str(json)
        .map(Some)
        .map_err(|_| misfit(path, problem))
}
