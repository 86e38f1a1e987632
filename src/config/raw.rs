//! YAML text as a tree that keeps everything a check needs: order, doubled keys, number spelling.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::problem::Problem;

/// What a parsed file may weigh in memory. Aliases expand, so a small file could become any size.
const MAX_WEIGHT: usize = 128 << 20;
/// The weight of a value beside its text, about the size of a `Node` and its share of a `Vec`.
const NODE_WEIGHT: usize = 64;

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing, or a key without a value: the same as an absent key.
    Null,
    Bool(bool),
    /// As the shortest text that means the number, so that 0.1 stays 0.1.
    Number(String),
    /// As written.
    Text(String),
    /// Text that came from the environment, whole: it may stand for a number or a bool too, and
    /// is never repeated in a problem.
    FromEnv(String),
    /// Text with a part from the environment: never repeated in a problem either.
    Mixed(String),
    /// Text of the store that may be a credential: never repeated.
    Secret(String),
    List(Vec<Node>),
    /// In the order of the file; a key may occur twice until the map has been checked.
    Map(Vec<(String, Node)>),
    /// Something already reported: nobody complains about it again.
    Bad,
    /// `!name value`, which means nothing here.
    Tagged(String),
}

impl Node {
    /// What it is, for "expected text, found …".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Node::Null | Node::Bad => "nothing",
            Node::Bool(_) => "true or false",
            Node::Number(_) => "a number",
            Node::Text(_) | Node::FromEnv(_) | Node::Mixed(_) | Node::Secret(_) => "text",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
            Node::Tagged(_) => "a tagged value",
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Null)
    }
}

/// Parses JSON of the store; `path` is where it stands, for the problem.
pub(crate) fn parse_json(path: &str, json: &str) -> Result<Node, Problem> {
    let weight = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = Seed { weight: &weight }.deserialize(&mut reader);
    read.and_then(|node| reader.end().map(|()| node))
        .map_err(|error| {
            // Not the parser's own words: they may repeat a value.
            let (line, column) = (error.line(), error.column());
            let what = format!("not readable as JSON at line {line}, column {column}");
            Problem::error(path, what).hint("write one JSON object")
        })
}

/// Parses one document; `name` is the file, for the problem.
pub(crate) fn parse(name: &str, yaml: &str) -> Result<Node, Problem> {
    let weight = Cell::new(0);
    let seed = Seed { weight: &weight };
    seed.deserialize(serde_yaml::Deserializer::from_str(yaml))
        .map_err(|error| syntax(name, yaml, &error))
}

fn syntax(name: &str, yaml: &str, error: &serde_yaml::Error) -> Problem {
    let place = match error.location() {
        Some(at) => format!("{name}:{}:{}", at.line(), at.column()),
        None => name.to_string(),
    };
    let problem = Problem::error(place, format!("not readable as YAML: {error}"));
    let line = error
        .location()
        .and_then(|at| yaml.lines().nth(at.line().saturating_sub(1)));
    match line {
        Some(line) if line.contains("${") => {
            problem.hint("inside [ ] and { } a ${NAME} needs quotes: [\"${NAME}\"]")
        }
        _ => problem,
    }
}

/// Reads any value, adding up what it weighs.
#[derive(Clone, Copy)]
struct Seed<'w> {
    weight: &'w Cell<usize>,
}

impl Seed<'_> {
    fn weigh<E: Error>(self, text: &str) -> Result<(), E> {
        let weight = self.weight.get() + NODE_WEIGHT + text.len();
        self.weight.set(weight);
        if weight > MAX_WEIGHT {
            return Err(E::custom("too many values; do aliases multiply?"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Number(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Number(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        self.weigh("").map(|()| Node::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        // The shortest text that reads back as the same number: what the operator wrote, up to
        // 15 digits, and never an exponent.
        let text = value.to_string();
        self.weigh(&text).map(|()| Node::Number(text))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.weigh(value).map(|()| Node::Text(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        self.weigh("")?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        self.weigh("")?;
        let mut entries = Vec::new();
        // A key is its text, whatever YAML would make of it: `400` and `3.10` stay as written.
        while let Some(key) = map.next_key::<String>()? {
            self.weigh(&key)?;
            entries.push((key, map.next_value_seed(self)?));
        }
        Ok(Node::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (tag, value) = tagged.variant::<String>()?;
        value.newtype_variant_seed(self)?;
        Ok(Node::Tagged(tag))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn json_is_the_same_tree() {
        let json =
            r#"{"a": [0.1, 2.50, 18446744073709551615, -3, null, true], "b": "${X}", "b": {}}"#;
        assert_eq!(parse_json("t", json).unwrap(), parse("t", json).unwrap());
        for bad in [
            "",
            "{",
            "{} {}",
            "{a: 1}",
            "[1,]",
            "1e999",
            &"[".repeat(100_000),
        ] {
            assert!(parse_json("t", bad).is_err(), "{bad:.20}");
        }
        let problem = parse_json("t", "{\"key\": sk-secret}")
            .unwrap_err()
            .to_string();
        assert!(problem.contains("line 1, column 9") && !problem.contains("secret"));
    }

    fn number(text: &str) -> Node {
        Node::Number(text.to_string())
    }

    fn text(text: &str) -> Node {
        Node::Text(text.to_string())
    }

    #[test]
    fn numbers_keep_their_decimal_spelling() {
        let yaml = "[0.1, 2.50, 400, 1e-7, 18446744073709551615, 0.000000001]";
        let expected = [
            "0.1",
            "2.5",
            "400",
            "0.0000001",
            "18446744073709551615",
            "0.000000001",
        ];
        assert_eq!(
            parse("t", yaml).unwrap(),
            Node::List(expected.map(number).to_vec())
        );
    }

    #[test]
    fn keys_are_their_text_and_doubled_keys_are_kept_for_the_check() {
        let tree = parse("t", "400: a\n3.10: b\n400: c\n").unwrap();
        assert_eq!(
            tree,
            Node::Map(vec![
                ("400".into(), text("a")),
                ("3.10".into(), text("b")),
                ("400".into(), text("c")),
            ])
        );
    }

    #[test]
    fn an_empty_file_is_nothing() {
        for yaml in ["", "# only words\n", "---\n"] {
            assert_eq!(parse("t", yaml).unwrap(), Node::Null, "{yaml:?}");
        }
    }

    #[test]
    fn a_syntax_error_says_file_and_line() {
        let problem = parse("gate.yaml", "a: 1\nb: [1,\nc: 2\n").unwrap_err();
        assert!(problem.path.starts_with("gate.yaml:"), "{problem}");
    }

    #[test]
    fn an_unquoted_substitution_in_a_flow_list_gets_a_hint() {
        let problem = parse("gate.yaml", "keys: [${KEY}, a: {b]\n").unwrap_err();
        assert!(problem.hint.unwrap().contains("needs quotes"));
    }

    #[test]
    fn two_documents_are_refused() {
        assert!(parse("t", "a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn a_tag_is_kept_for_the_check() {
        assert_eq!(
            parse("t", "!env NAME").unwrap(),
            Node::Tagged("env".to_string())
        );
        assert_eq!(parse("t", "!!str 12").unwrap(), text("12"));
    }

    #[test]
    fn aliases_that_multiply_are_stopped() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = level - 1;
            let items = vec![format!("*a{below}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        let problem = parse("bomb.yaml", &bomb).unwrap_err();
        assert!(problem.path.starts_with("bomb.yaml"), "{problem}");
    }

    #[test]
    fn an_alias_of_long_text_is_weighed_by_its_text() {
        let long = "x".repeat(1 << 20);
        let aliases = vec!["*a"; 200].join(", ");
        let yaml = format!("a: &a {long}\nb: [{aliases}]\n");
        assert!(parse("t", &yaml).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let yaml = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse("t", &yaml).is_err());
    }
}
