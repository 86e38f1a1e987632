//! JSON shapes that never fail: a member of another type than expected reads as absent.
//!
//! Providers differ in what they leave out, null, repeat or misspell. A derived `Deserialize`
//! gives up on the whole event then; these read the rest. The key given last wins.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// More tokens than any request has; a larger number is garbage and is cut to this.
pub(crate) const MAX_COUNT: u64 = u32::MAX as u64;

/// The known members of a JSON object.
pub(crate) trait Members<'de>: Default {
    /// Takes the value that belongs to `key`, known or not.
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

impl<'de, T: Members<'de>> Members<'de> for Box<T> {
    fn member<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        (**self).member(key, map)
    }
}

/// Declares a struct that is read from the members named, whatever else the object holds. A field behind
/// `_ =>` has the members of its own type from the same object.
macro_rules! loose {
    (@other $map:ident, $key:ident) => {
        $map.next_value::<serde::de::IgnoredAny>().map(drop)
    };
    (@other $map:ident, $key:ident, $rest:expr) => {
        $rest.member($key, $map)
    };
    ($($(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? {
        $($($key:literal)|+ => $field:ident: $type:ty,)*
        $(_ => $rest:ident: $others:ty,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name $(<$life>)? {
            $(pub(crate) $field: $type,)*
            $(pub(crate) $rest: $others,)?
        }

        impl<'de $(: $life, $life)?> $crate::loose::Members<'de> for $name $(<$life>)? {
            fn member<A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match key {
                    $($($key)|+ => self.$field = map.next_value()?,)*
                    _ => return loose!(@other map, key $(, self.$rest)?),
                }
                Ok(())
            }
        }
    )*};
}
pub(crate) use loose;

/// Reads JSON. The encoding is checked once, for the whole text and many bytes at a time: left to
/// the parser, string by string, it was a quarter of the work.
pub(crate) fn json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    serde_json::from_str(text(json)?).ok()
}

/// The text, if its encoding is right.
pub(crate) fn text(json: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(json).ok()
}

/// Reads an object.
pub(crate) fn object<'de, T: Members<'de>>(json: &'de str) -> Option<T> {
    serde_json::from_str::<Slot<T>>(json).ok()?.0
}

/// Gives a visitor the methods for types that it takes for absent.
macro_rules! absent {
    ($($method:ident($type:ty)),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        $(fn $method<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Default::default())
        })*
    };
    (seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    (map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
}

/// An object, if it is one.
pub(crate) struct Slot<T>(pub(crate) Option<T>);

/// The objects of an array, if it is one; elements of other types read as empty objects.
pub(crate) struct List<T>(pub(crate) Option<Vec<T>>);

/// A number that counts something: never negative, never above [`MAX_COUNT`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Count(pub(crate) Option<u64>);

/// A string; empty when absent.
#[derive(Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// What is said in a string, or in the text members of the objects and arrays given instead.
#[derive(Default)]
pub(crate) struct Words<'a>(pub(crate) Cow<'a, str>);

/// A value as it is written; `None` for null.
#[derive(Default)]
pub(crate) struct Raw<'a>(pub(crate) Option<&'a RawValue>);

/// What is said in a string; of anything else, the JSON as it is written.
#[derive(Default)]
pub(crate) struct Content<'a> {
    json: &'a str,
    /// Of a string, its text.
    text: Option<Cow<'a, str>>,
}

/// An object beside the JSON it was read from.
#[derive(Default)]
pub(crate) struct Kept<'a, T> {
    /// Empty when it is absent.
    pub(crate) json: &'a str,
    /// What is known of it; nothing where it is no object.
    pub(crate) object: T,
}

/// The elements of an array, if it is one.
pub(crate) struct Array<T>(pub(crate) Vec<T>);

/// Whether there is something: not null, false, zero, `""`, `{}` or `[]`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Truthy(pub(crate) bool);

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot(None)
    }
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(None)
    }
}

impl<T> List<T> {
    /// The objects there are.
    pub(crate) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'a> Raw<'a> {
    /// The value as it is written; nothing of null.
    pub(crate) fn json(&self) -> &'a str {
        self.0.map_or("", RawValue::get)
    }

    /// Whether there is something, as [`Truthy`] has it.
    pub(crate) fn is_something(&self) -> bool {
        let there = |raw: &RawValue| serde_json::from_str::<Truthy>(raw.get());
        self.0
            .and_then(|raw| there(raw).ok())
            .is_some_and(|there| there.0)
    }

    /// What is written: the content of a string, or the JSON of anything else.
    pub(crate) fn spoken(&self) -> Cow<'_, str> {
        let written = self.json();
        if !written.starts_with('"') {
            return Cow::Borrowed(written);
        }
        serde_json::from_str::<Text<'_>>(written).map_or(Cow::Borrowed(""), |text| text.0)
    }
}

impl<T> Default for Array<T> {
    fn default() -> Array<T> {
        Array(Vec::new())
    }
}

impl Content<'_> {
    /// A string's text, or the JSON of anything else; nothing of null.
    pub(crate) fn written(&self) -> &str {
        self.text.as_deref().unwrap_or(self.json)
    }

    /// A string's text; nothing of anything else.
    pub(crate) fn spoken(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The JSON of a list; of anything else nothing.
    pub(crate) fn list(&self) -> Option<&str> {
        self.json.starts_with('[').then_some(self.json)
    }

    /// The same, borrowed.
    pub(crate) fn by_ref(&self) -> Content<'_> {
        Content {
            json: self.json,
            text: self.text.as_deref().map(Cow::Borrowed),
        }
    }

    /// What is said in it, whatever its shape.
    pub(crate) fn words(&self) -> Cow<'_, str> {
        match &self.text {
            Some(text) => Cow::Borrowed(text),
            None if self.json.is_empty() => Cow::Borrowed(""),
            None => sound(self.json),
        }
    }
}

struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Loose::<Text<'de>>::new())
            .map(|text| Key(text.0))
    }
}

struct Loose<T>(PhantomData<T>);

impl<T> Loose<T> {
    fn new() -> Loose<T> {
        Loose(PhantomData)
    }
}

macro_rules! by_visitor {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<'de, $($generics)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Loose::<$type>::new())
            }
        }
    )*};
}

by_visitor! {
    [T: Members<'de>] Slot<T>;
    [T: Members<'de>] List<T>;
    [T: Deserialize<'de>] Array<T>;
    [] Count;
    [] Text<'de>;
    [] Words<'de>;
    [] Truthy;
}

impl<'de, T: Members<'de>> Visitor<'de> for Loose<Slot<T>> {
    type Value = Slot<T>;
    absent! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str) }
    absent! { seq }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slot<T>, A::Error> {
        let mut found = T::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            found.member(&key.0, &mut map)?;
        }
        Ok(Slot(Some(found)))
    }
}

impl<'de, T: Members<'de>> Visitor<'de> for Loose<List<T>> {
    type Value = List<T>;
    absent! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str) }
    absent! { map }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(Slot(item)) = seq.next_element::<Slot<T>>()? {
            items.push(item.unwrap_or_default());
        }
        Ok(List(Some(items)))
    }
}

impl<'de> Visitor<'de> for Loose<Count> {
    type Value = Count;
    absent! { visit_bool(bool), visit_str(&str) }
    absent! { seq }
    absent! { map }
    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count.min(MAX_COUNT))))
    }
    fn visit_i64<E>(self, count: i64) -> Result<Count, E> {
        Ok(Count(
            u64::try_from(count).ok().map(|count| count.min(MAX_COUNT)),
        ))
    }
    fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
        // Casting saturates; a negative number is no count.
        Ok(Count(
            (count >= 0.0).then_some((count as u64).min(MAX_COUNT)),
        ))
    }
}

impl<'de> Visitor<'de> for Loose<Text<'de>> {
    type Value = Text<'de>;
    absent! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64) }
    absent! { seq }
    absent! { map }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Visitor<'de> for Loose<Words<'de>> {
    type Value = Words<'de>;
    absent! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64) }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Words<'de>, E> {
        Ok(Words(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Words<'de>, E> {
        Ok(Words(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words<'de>, A::Error> {
        let mut all = Words::default();
        while let Some(words) = seq.next_element::<Words<'de>>()? {
            all.join(words);
        }
        Ok(all)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words<'de>, A::Error> {
        let mut all = Words::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match &*key.0 {
                "text" | "thinking" | "content" | "refusal" | "summary" => {
                    all.join(map.next_value()?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(all)
    }
}

impl<'de> Words<'de> {
    fn join(&mut self, more: Words<'de>) {
        if self.0.is_empty() {
            self.0 = more.0;
        } else if !more.0.is_empty() {
            self.0.to_mut().push_str(&more.0);
        }
    }
}

impl<'de> Visitor<'de> for Loose<Truthy> {
    type Value = Truthy;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E>(self) -> Result<Truthy, E> {
        Ok(Truthy(false))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Truthy, E> {
        Ok(Truthy(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Truthy, E> {
        Ok(Truthy(value != 0))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Truthy, E> {
        Ok(Truthy(value != 0))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Truthy, E> {
        Ok(Truthy(value != 0.0))
    }
    fn visit_str<E>(self, value: &str) -> Result<Truthy, E> {
        Ok(Truthy(!value.is_empty()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Truthy, A::Error> {
        let mut found = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            found = true;
        }
        Ok(Truthy(found))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Truthy, A::Error> {
        let mut found = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            found = true;
        }
        Ok(Truthy(found))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        Ok(Raw((raw.get() != "null").then_some(raw)))
    }
}

/// Passed over first, which is faster than reading: a string without escapes, as nearly all are, is its text then.
impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Raw(Some(raw)) = Raw::deserialize(deserializer)? else {
            return Ok(Content::default());
        };
        let json = raw.get();
        let quoted = json
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let text = quoted.map(|inside| match memchr::memchr(b'\\', inside.as_bytes()) {
            None => Cow::Borrowed(inside),
            Some(_) => sound(json),
        });
        Ok(Content { json, text })
    }
}

/// What is said in a value that may hold halves of surrogate pairs.
fn sound(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Words<'_>>(json) {
        Ok(words) => words.0,
        Err(_) => {
            let mended = mended(json.as_bytes()).unwrap_or_default();
            let words = serde_json::from_slice::<Words<'_>>(&mended).unwrap_or_default();
            Cow::Owned(words.0.into_owned())
        }
    }
}

impl<'de: 'a, 'a, T: Members<'de>> Deserialize<'de> for Kept<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Raw(Some(raw)) = Raw::deserialize(deserializer)? else {
            return Ok(Kept::default());
        };
        let json = raw.get();
        let slot: Slot<T> = serde_json::from_str(json).map_err(serde::de::Error::custom)?;
        let object = slot.0.unwrap_or_default();
        Ok(Kept { json, object })
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Loose<Array<T>> {
    type Value = Array<T>;
    absent! { visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str) }
    absent! { map }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Array<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Array(items))
    }
}

/// JSON without the white space between its tokens; what it says stays as it is spelled.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    let (mut quoted, mut escaped, mut spaces) = (false, false, false);
    let mut outside = |byte: u8| {
        let was = quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => {}
        }
        !was && matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
    };
    let kept: Vec<u8> = json
        .bytes()
        .filter(|byte| {
            let space = outside(*byte);
            spaces |= space;
            !space
        })
        .collect();
    if !spaces {
        return Cow::Borrowed(json);
    }
    // Only ASCII was taken out.
    String::from_utf8(kept).map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The JSON without bytes that are no UTF-8 and without halves of surrogate pairs: strict parsers
/// refuse the whole for one of them.
pub(crate) fn whole_letters(json: &[u8]) -> Cow<'_, str> {
    let text = text(json);
    match text {
        Some(text) if memchr::memmem::find(json, b"\\u").is_none() => Cow::Borrowed(text),
        _ => match mended(json).map(String::from_utf8) {
            Some(Ok(mended)) => Cow::Owned(mended),
            _ => Cow::Borrowed(text.unwrap_or_default()),
        },
    }
}

/// The same JSON with bytes that are no UTF-8, and halves of surrogate pairs, replaced by
/// U+FFFD; `None` when it has neither. For text that the parser refused.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(json);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut changed = matches!(text, Cow::Owned(_));
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let length = match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.extend_from_slice(b"\\ufffd");
                changed = true;
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let end = bytes.len().min(at + length);
        out.extend_from_slice(&bytes[at..end]);
        at = end;
    }
    changed.then_some(out)
}

/// The UTF-16 unit of the escape `\uXXXX` at that place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_json_says_the_same() {
        for (json, wanted) in [
            ("{ \"a\" :\n [1, 2.0 ] }", r#"{"a":[1,2.0]}"#),
            (r#"{"a b":" \" {\t} "}"#, r#"{"a b":" \" {\t} "}"#),
            (r#"{"a":"\\" }"#, r#"{"a":"\\"}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(compact(json), wanted);
        }
    }
}
