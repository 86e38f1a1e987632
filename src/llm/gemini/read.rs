//! Reads what a request says: members in either of Google's spellings, wrong types by their path.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::loose::mended;
use crate::loss::Misfit;

/// The members of an object in their order, without those that are null.
pub(super) struct Members<'a>(Vec<Member<'a>>);

/// A member of an object.
pub(super) struct Member<'a> {
    /// As it is written.
    pub(super) key: Cow<'a, str>,
    pub(super) value: &'a RawValue,
}

/// A string, without the copy where it has no escapes.
pub(super) struct Str<'a>(pub(super) Cow<'a, str>);

impl<'a> Members<'a> {
    /// The members of `value`, which stands at `path`.
    pub(super) fn of(value: &'a RawValue, path: &str) -> Result<Members<'a>, Misfit> {
        serde_json::from_str(value.get()).map_err(|_| wrong(path, "an object"))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for Members<'a> {
    type Item = Member<'a>;
    type IntoIter = std::vec::IntoIter<Member<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Member<'_> {
    /// The key in camel case, however it is spelled.
    pub(super) fn name(&self) -> Cow<'_, str> {
        camel(&self.key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &RawValue>()? {
                    if value.get() != "null" {
                        members.push(Member { key, value });
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        let text = text(raw.get()).ok_or_else(|| D::Error::custom("expected a string"))?;
        Ok(Str(text))
    }
}

/// The content of a JSON string, halves of surrogate pairs replaced; `None` for other values.
pub(super) fn text(written: &str) -> Option<Cow<'_, str>> {
    let inside = written.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let text = serde_json::from_str(written).or_else(|error| match mended(written.as_bytes()) {
        Some(json) => serde_json::from_slice(&json),
        None => Err(error),
    });
    text.ok().map(Cow::Owned)
}

/// The elements of `value`.
pub(super) fn list<'a>(value: &'a RawValue, path: &str) -> Result<Vec<&'a RawValue>, Misfit> {
    serde_json::from_str(value.get()).map_err(|_| wrong(path, "an array"))
}

/// The strings of `value`.
pub(super) fn strings<'a>(value: &'a RawValue, path: &str) -> Result<Vec<Cow<'a, str>>, Misfit> {
    let strings: Result<Vec<Str<'a>>, _> = serde_json::from_str(value.get());
    let strings = strings.map_err(|_| wrong(path, "an array of strings"))?;
    Ok(strings.into_iter().map(|text| text.0).collect())
}

pub(super) fn string<'a>(value: &'a RawValue, path: &str) -> Result<Cow<'a, str>, Misfit> {
    text(value.get()).ok_or_else(|| wrong(path, "a string"))
}

pub(super) fn boolean(value: &RawValue, path: &str) -> Result<bool, Misfit> {
    serde_json::from_str(value.get()).map_err(|_| wrong(path, "true or false"))
}

/// A number; Google also takes one written in a string.
pub(super) fn number(value: &RawValue, path: &str) -> Result<f64, Misfit> {
    bare(value).parse().map_err(|_| wrong(path, "a number"))
}

/// A whole number, also one written `8.0`.
pub(super) fn integer(value: &RawValue, path: &str) -> Result<i64, Misfit> {
    if let Ok(number) = bare(value).parse() {
        return Ok(number);
    }
    let number = number(value, path)?;
    let fits = number.fract() == 0.0 && number.abs() < 9e15;
    fits.then_some(number as i64)
        .ok_or_else(|| wrong(path, "a whole number"))
}

/// A whole number that is not negative.
pub(super) fn count(value: &RawValue, path: &str) -> Result<u64, Misfit> {
    u64::try_from(integer(value, path)?).map_err(|_| wrong(path, "zero or more"))
}

/// The digits, without the quotes they may stand in.
pub(super) fn bare(value: &RawValue) -> &str {
    value.get().trim_matches('"')
}

/// The refusal of a value of another type than wanted.
pub(super) fn wrong(path: &str, wanted: &str) -> Misfit {
    Misfit::malformed(path.to_owned(), &format!("must be {wanted}"))
}

/// `max_output_tokens` as `maxOutputTokens`.
pub(super) fn camel(key: &str) -> Cow<'_, str> {
    if !key.contains('_') {
        return Cow::Borrowed(key);
    }
    let mut words = key.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    Cow::Owned(camel)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        for (key, name) in [
            ("max_output_tokens", "maxOutputTokens"),
            ("topP", "topP"),
            ("any_of", "anyOf"),
            ("_x", "X"),
            ("a_", "a"),
        ] {
            assert_eq!(camel(key), name);
        }
    }

    #[test]
    fn numbers_may_be_written_in_strings() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        assert_eq!(integer(&raw("\"7\""), "seed").unwrap(), 7);
        assert_eq!(integer(&raw("8.0"), "seed").unwrap(), 8);
        assert!(integer(&raw("8.5"), "seed").is_err());
        assert!(number(&raw("true"), "topP").is_err());
        assert!(count(&raw("-1"), "topK").is_err());
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        assert_eq!(text(r#""a\ud800b""#).unwrap(), "a\u{fffd}b");
        assert_eq!(text("7"), None);
    }
}
