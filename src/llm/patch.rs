//! Edits the top-level members of a JSON object and leaves every other byte as it was.
//!
//! Members are edited one step after the other, each step seeing what the last one left. Of a key
//! that comes twice only the last stays: it is the one the gateway read, and an upstream whose
//! parser takes the first would otherwise be told something else (another model than the one paid for).

use std::borrow::Cow;

use crate::fields::{Field, Fields};

/// A part of a value to be written differently.
pub(crate) struct Splice {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) with: String,
}

impl Splice {
    pub(crate) fn insert(at: usize, with: String) -> Splice {
        Splice {
            from: at,
            to: at,
            with,
        }
    }
}

/// The edits of one body.
pub(crate) struct Patch<'a> {
    body: &'a [u8],
    fields: &'a Fields,
    members: Vec<Member<'a>>,
    changed: bool,
}

struct Member<'a> {
    name: Cow<'a, str>,
    /// Its place in the body; added ones have none.
    place: Option<usize>,
    renamed: bool,
    value: Cow<'a, [u8]>,
    splices: Vec<Splice>,
}

impl<'a> Patch<'a> {
    pub(crate) fn new(body: &'a [u8], fields: &'a Fields) -> Patch<'a> {
        let list = fields.list();
        let counting = list.iter().enumerate().filter(|(_, field)| !field.shadowed);
        let members: Vec<_> = counting
            .map(|(place, field)| Member::standing(body, place, field))
            .collect();
        let changed = members.len() != list.len();
        Patch {
            body,
            fields,
            members,
            changed,
        }
    }

    /// The value of a member as it stands before its splices.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.find(name).map(|index| &*self.members[index].value)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let before = self.members.len();
        self.members.retain(|member| member.name != name);
        self.changed |= self.members.len() != before;
    }

    /// Gives a member another key, unless that key already has a value.
    pub(crate) fn rename(&mut self, from: &str, to: &'static str) {
        if self.find(from).is_none() {
            return;
        }
        if self.get(to).is_some_and(|value| value != b"null") {
            return self.remove(from);
        }
        self.remove(to);
        if let Some(index) = self.find(from) {
            self.members[index].name = Cow::Borrowed(to);
            self.members[index].renamed = true;
            self.changed = true;
        }
    }

    pub(crate) fn default(&mut self, name: &'a str, value: &'a str) {
        if self.find(name).is_none() {
            self.set(name, value);
        }
    }

    pub(crate) fn set(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        let value = match value.into() {
            Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
            Cow::Owned(value) => Cow::Owned(value.into_bytes()),
        };
        let Some(index) = self.find(name) else {
            self.changed = true;
            let name = Cow::Borrowed(name);
            return self.members.push(Member {
                name,
                place: None,
                renamed: false,
                value,
                splices: Vec::new(),
            });
        };
        let member = &mut self.members[index];
        if member.value != value || !member.splices.is_empty() {
            self.changed = true;
            member.splices.clear();
            member.value = value;
        }
    }

    /// Writes parts of a member's value differently. Splices of all edits must not overlap.
    pub(crate) fn splice(&mut self, name: &str, splices: Vec<Splice>) {
        let Some(index) = self.find(name) else {
            return;
        };
        self.changed |= !splices.is_empty();
        let member = &mut self.members[index];
        member.splices.extend(splices);
        member.splices.sort_by_key(|splice| splice.from);
    }

    /// The edited body, or nothing when nothing changed.
    pub(crate) fn finish(&self) -> Option<Vec<u8>> {
        if !self.changed {
            return None;
        }
        let mut len = 0;
        self.write(|piece| len += piece.len());
        let mut edited = Vec::with_capacity(len);
        self.write(|piece| edited.extend_from_slice(piece));
        Some(edited)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// Hands on the pieces of the edited body in order.
    fn write(&self, mut out: impl FnMut(&[u8])) {
        let list = self.fields.list();
        out(&self.body[..self.fields.open()]);
        for (nth, member) in self.members.iter().enumerate() {
            match member.place {
                // What stands before the key, back to the value in front of it: one comma and whitespace.
                Some(place) if nth > 0 => {
                    out(&self.body[list[place - 1].value.end..list[place].key.start])
                }
                Some(_) => out(&self.body[self.fields.open()..list[0].key.start]),
                None if nth > 0 => out(b","),
                None => {}
            }
            member.write(self.body, list, &mut out);
        }
        let end = list
            .last()
            .map_or(self.fields.open(), |last| last.value.end);
        out(&self.body[end..]);
    }
}

impl<'a> Member<'a> {
    fn standing(body: &'a [u8], place: usize, field: &'a Field) -> Member<'a> {
        let value = Cow::Borrowed(field.value.of(body));
        Member {
            name: field.name(body),
            place: Some(place),
            renamed: false,
            value,
            splices: Vec::new(),
        }
    }

    fn write(&self, body: &[u8], list: &[Field], out: &mut impl FnMut(&[u8])) {
        match self.place.map(|place| &list[place]) {
            Some(field) if self.renamed => {
                out(quoted(&self.name).as_bytes());
                out(&body[field.key.end..field.value.start]);
            }
            Some(field) => out(&body[field.key.start..field.value.start]),
            None => {
                out(quoted(&self.name).as_bytes());
                out(b":");
            }
        }
        let mut written = 0;
        for splice in &self.splices {
            out(&self.value[written..splice.from]);
            out(splice.with.as_bytes());
            written = splice.to;
        }
        out(&self.value[written..]);
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serialises")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(body: &str, edit: impl FnOnce(&mut Patch<'_>), wanted: &str) {
        let fields = Fields::read(body.as_bytes()).unwrap();
        let mut patch = Patch::new(body.as_bytes(), &fields);
        edit(&mut patch);
        let edited = patch.finish().map(|bytes| {
            assert_eq!(bytes.len(), bytes.capacity(), "allocated in the right size");
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(edited.as_deref().unwrap_or(body), wanted);
        assert_eq!(
            edited.is_none(),
            body == wanted,
            "an unchanged body must not be copied"
        );
        serde_json::from_str::<serde_json::Value>(wanted).unwrap();
    }

    #[test]
    fn removing_takes_one_comma_and_leaves_the_rest() {
        let body = "{ \"a\": 1 , \"b\":2,\n  \"c\" :3 }";
        check(body, |patch| patch.remove("a"), "{ \"b\":2,\n  \"c\" :3 }");
        check(body, |patch| patch.remove("b"), "{ \"a\": 1,\n  \"c\" :3 }");
        check(body, |patch| patch.remove("c"), "{ \"a\": 1 , \"b\":2 }");
        check(
            body,
            |patch| ["a", "b", "c"].iter().for_each(|name| patch.remove(name)),
            "{ }",
        );
        check(body, |patch| patch.remove("d"), body);
    }

    #[test]
    fn setting_replaces_in_place_or_adds_at_the_end() {
        check(
            "{\"a\":1, \"b\":2 }",
            |patch| patch.set("a", "[7]"),
            "{\"a\":[7], \"b\":2 }",
        );
        check(
            "{\"a\":1 }",
            |patch| patch.set("b", "2"),
            "{\"a\":1,\"b\":2 }",
        );
        check(" { } ", |patch| patch.set("b\"", "2"), " {\"b\\\"\":2 } ");
        check("{\"a\":1.0}", |patch| patch.set("a", "1.0"), "{\"a\":1.0}");
        check(
            "{\"a\":1}",
            |patch| {
                patch.remove("a");
                patch.set("b", "2")
            },
            "{\"b\":2}",
        );
        check(
            "{\"a\":1}",
            |patch| {
                patch.default("a", "2");
                patch.default("b", "3")
            },
            "{\"a\":1,\"b\":3}",
        );
    }

    #[test]
    fn of_a_repeated_key_only_the_one_that_was_read_stays() {
        check(
            "{\"a\":1,\"b\":2,\"\\u0061\":3}",
            |_| {},
            "{\"b\":2,\"\\u0061\":3}",
        );
        check(
            "{\"a\":1,\"a\":2}",
            |patch| patch.set("a", "2"),
            "{\"a\":2}",
        );
    }

    #[test]
    fn renaming_yields_to_a_value_that_is_there() {
        let rename = |patch: &mut Patch<'_>| patch.rename("x", "a");
        check("{\"x\" : 1}", rename, "{\"a\" : 1}");
        check("{\"x\":1,\"a\":2}", rename, "{\"a\":2}");
        check("{\"a\":null,\"x\":1}", rename, "{\"a\":1}");
        check("{\"a\":1}", rename, "{\"a\":1}");
    }

    #[test]
    fn splices_of_several_edits_are_written_in_order() {
        check(
            "{\"a\":[1,2]}",
            |patch| {
                patch.splice(
                    "a",
                    vec![Splice {
                        from: 3,
                        to: 4,
                        with: "9".into(),
                    }],
                );
                patch.splice("a", vec![Splice::insert(1, "0,".into())]);
            },
            "{\"a\":[0,1,9]}",
        );
        check(
            "{\"a\":[1]}",
            |patch| patch.splice("a", vec![]),
            "{\"a\":[1]}",
        );
    }
}
