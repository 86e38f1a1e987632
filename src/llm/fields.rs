//! The top-level members of a JSON object in the order they stand, as positions in its bytes.

use std::borrow::Cow;

use crate::scan::{Flaw, Malformed, Marks, Quoted, Scanner, Span, utf8};

/// Most members a request may have at its top level. The widest known format has about forty;
/// the cap keeps a body of empty members from costing more memory than itself.
pub const MAX_FIELDS: usize = 256;

/// Members for which room is made at once: most requests have fewer.
const USUAL_FIELDS: usize = 16;

/// Why bytes could not be read as an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// JSON, but something else than an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// More members than [`MAX_FIELDS`].
    #[error("more than {MAX_FIELDS} top-level fields")]
    TooMany,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key with its quotes, as written.
    pub key: Span,
    /// The value without the whitespace around it.
    pub value: Span,
    /// The key unescaped, when it is written with escapes.
    unescaped: Option<Box<str>>,
    /// Whether the same key comes again later.
    pub shadowed: bool,
}

/// Where the members of one object are. Holds no bytes: every question is asked together with
/// the body it was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    len: usize,
    open: usize,
    proofs: bool,
    marks: Marks,
    list: Vec<Field>,
}

impl Fields {
    /// Validates `body` whole and notes its top-level members, in one pass.
    pub fn read(body: &[u8]) -> Result<Fields, Unreadable> {
        Fields::read_with(body, |_, scanner| scanner.value().map(drop))
    }

    /// The same; `visit` is called with the name of each member and must pass over its value.
    pub(crate) fn read_with<'a>(
        body: &'a [u8],
        mut visit: impl FnMut(&str, &mut Scanner<'a>) -> Result<(), Malformed>,
    ) -> Result<Fields, Unreadable> {
        utf8(body)?;
        let mut scanner = Scanner::new(body);
        scanner.whitespace();
        if scanner.peek() != Some(b'{') {
            scanner.value()?;
            scanner.finish()?;
            return Err(Unreadable::NotAnObject);
        }
        let mut fields = Fields {
            len: body.len(),
            open: scanner.at() + 1,
            proofs: false,
            marks: Marks::None,
            list: Vec::with_capacity(USUAL_FIELDS),
        };
        let mut too_many = false;
        scanner
            .object(|scanner, key| {
                if fields.list.len() == MAX_FIELDS {
                    too_many = true;
                    return Err(Malformed {
                        flaw: Flaw::Depth,
                        at: key.span.start,
                    });
                }
                let mut field = Field::named(body, key);
                let start = scanner.at();
                visit(&field.name(body), scanner)?;
                field.value = Span {
                    start,
                    end: scanner.at(),
                };
                fields.push(body, field);
                Ok(())
            })
            .map_err(|malformed| {
                if too_many {
                    Unreadable::TooMany
                } else {
                    malformed.into()
                }
            })?;
        scanner.finish()?;
        fields.proofs = scanner.saw_proofs();
        fields.marks = scanner.marks();
        Ok(fields)
    }

    /// Whether some string in the body begins like a wrapped proof of reasoning.
    pub(crate) fn have_proofs(&self) -> bool {
        self.proofs
    }

    /// Marks of prompt caches, anywhere in the body.
    pub(crate) fn marks(&self) -> Marks {
        self.marks
    }

    /// Every member as it stands, also the ones a later one of the same name makes void.
    pub fn list(&self) -> &[Field] {
        &self.list
    }

    /// The members that count, with their names: of several with one name the last, as
    /// `serde_json` and most other readers take it.
    pub fn iter<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = (Cow<'a, str>, &'a [u8])> {
        let counting = self.list.iter().filter(|field| !field.shadowed);
        counting.map(move |field| (field.name(body), field.value.of(body)))
    }

    /// The value of that name.
    pub fn get<'a>(&self, body: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let mut counting = self.list.iter().filter(|field| !field.shadowed);
        let field = counting.find(|field| field.is(body, name))?;
        Some(field.value.of(body))
    }

    /// The position after the opening brace.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Whether this was read from bytes as long as `body`.
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        self.len == body.len()
    }

    fn push(&mut self, body: &[u8], field: Field) {
        let name = field.name(body);
        for earlier in &mut self.list {
            earlier.shadowed |= earlier.is(body, &name);
        }
        self.list.push(field);
    }
}

impl Field {
    fn named(body: &[u8], key: Quoted) -> Field {
        let unescaped = key.escaped.then(|| readable(key.span.of(body)).into());
        Field {
            key: key.span,
            value: Span::default(),
            unescaped,
            shadowed: false,
        }
    }

    /// The key as it is meant.
    pub fn name<'a>(&'a self, body: &'a [u8]) -> Cow<'a, str> {
        match &self.unescaped {
            Some(name) => Cow::Borrowed(name),
            // The usual name costs half of what it costs to look for what to mend in it.
            None => {
                let name = inside(self.key.of(body));
                str::from_utf8(name).map_or_else(|_| String::from_utf8_lossy(name), Cow::Borrowed)
            }
        }
    }

    fn is(&self, body: &[u8], name: &str) -> bool {
        match &self.unescaped {
            Some(unescaped) => **unescaped == *name,
            None => inside(self.key.of(body)) == name.as_bytes(),
        }
    }
}

/// A string's content, still escaped.
pub(crate) fn inside(quoted: &[u8]) -> &[u8] {
    match quoted {
        [b'"', inside @ .., b'"'] => inside,
        _ => &[],
    }
}

/// The text of a quoted string that was scanned; nothing when it is no string or holds an
/// escape that is no character (a lone surrogate).
pub(crate) fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let [b'"', inside @ .., b'"'] = quoted else {
        return None;
    };
    if memchr::memchr(b'\\', inside).is_none() {
        return simdutf8::basic::from_utf8(inside).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(quoted).ok().map(Cow::Owned)
}

/// A key's text; one that cannot be read stands for itself, which no known name equals.
fn readable(quoted: &[u8]) -> String {
    match text(quoted) {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(inside(quoted)).into_owned(),
    }
}

/// Walks the members of an object that was validated before. Does nothing for other values.
pub(crate) fn members<'a>(object: &'a [u8], mut see: impl FnMut(&str, Span, &'a [u8])) {
    let mut scanner = Scanner::new(object);
    if scanner.peek() != Some(b'{') {
        return;
    }
    // Only a value from the configuration can be nested too deep; the walk then ends early.
    let _ = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        see(
            &Field::named(object, key).name(object),
            value,
            value.of(object),
        );
        Ok(())
    });
}

/// Walks the elements of an array that was validated before. Does nothing for other values.
pub(crate) fn elements<'a>(array: &'a [u8], mut see: impl FnMut(Span, &'a [u8])) {
    let mut scanner = Scanner::new(array);
    if scanner.peek() != Some(b'[') {
        return;
    }
    let _ = scanner.array(|scanner| {
        let value = scanner.value()?;
        see(value, value.of(array));
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn read(body: &str) -> Vec<(String, &str)> {
        let fields = Fields::read(body.as_bytes()).unwrap();
        let list = fields.list().iter();
        list.map(|field| {
            let value = std::str::from_utf8(field.value.of(body.as_bytes())).unwrap();
            (field.name(body.as_bytes()).into_owned(), value)
        })
        .collect()
    }

    #[test]
    fn members_come_in_order_with_their_spelling() {
        let members = read("\n{ \"b\" : 1.50 ,\t\"a\":[ 1, {\"b\":2}] , \"c\" : \" x \" } ");
        let wanted = [("b", "1.50"), ("a", "[ 1, {\"b\":2}]"), ("c", "\" x \"")];
        assert_eq!(
            members,
            wanted.map(|(name, value)| (name.to_owned(), value))
        );
        assert_eq!(read("{}"), []);
    }

    #[test]
    fn a_key_written_with_escapes_is_the_same_key() {
        let body = br#"{"mod\u0065l":"a","\u006dodel":"b"}"#;
        let fields = Fields::read(body).unwrap();
        assert_eq!(
            fields.get(body, "model"),
            Some(&b"\"b\""[..]),
            "and the last one counts"
        );
        assert!(fields.list()[0].shadowed && !fields.list()[1].shadowed);
        assert_eq!(fields.iter(body).count(), 1);
    }

    #[test]
    fn a_key_that_is_no_text_equals_nothing() {
        let body = br#"{"\ud800":1,"model":2}"#;
        let fields = Fields::read(body).unwrap();
        assert_eq!(fields.get(body, "model"), Some(&b"2"[..]));
        assert_eq!(fields.get(body, "\u{fffd}"), None);
    }

    #[test]
    fn what_is_no_object_is_told_apart_from_what_is_no_json() {
        assert_eq!(Fields::read(b" [1] "), Err(Unreadable::NotAnObject));
        assert_eq!(Fields::read(b"null"), Err(Unreadable::NotAnObject));
        assert!(matches!(Fields::read(b"[1"), Err(Unreadable::Malformed(_))));
        assert!(matches!(
            Fields::read(b"{} x"),
            Err(Unreadable::Malformed(_))
        ));
        assert!(matches!(Fields::read(b""), Err(Unreadable::Malformed(_))));
    }

    #[test]
    fn the_number_of_members_is_bounded() {
        let body = |members: usize| format!("{{{}}}", vec!["\"a\":1"; members].join(","));
        assert_eq!(
            Fields::read(body(MAX_FIELDS).as_bytes())
                .unwrap()
                .list()
                .len(),
            MAX_FIELDS
        );
        assert_eq!(
            Fields::read(body(MAX_FIELDS + 1).as_bytes()),
            Err(Unreadable::TooMany)
        );
    }

    proptest! {
        #[test]
        fn the_counting_members_are_those_serde_json_reads(
            members in prop::collection::vec(("[ab\\PC]{0,3}", "\\PC{0,20}"), 0..8)
        ) {
            let json = |text: &String| serde_json::to_string(text).unwrap();
            let list: Vec<_> = members.iter().map(|(key, value)| format!(" {} : {}", json(key), json(value))).collect();
            let body = format!("{{{} }}", list.join(","));
            let theirs: BTreeMap<String, &RawValue> = serde_json::from_str(&body).unwrap();
            let fields = Fields::read(body.as_bytes()).unwrap();
            let ours: BTreeMap<_, _> = fields.iter(body.as_bytes()).collect();
            prop_assert_eq!(ours.len(), theirs.len());
            for (name, value) in ours {
                prop_assert_eq!(theirs[&*name].get().as_bytes(), value);
            }
        }
    }
}
