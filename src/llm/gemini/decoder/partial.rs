//! Puts together the arguments of a call that are streamed leaf by leaf: a JSON path and a piece of
//! the value under it.

use crate::gemini::heard::PartialArg;
use crate::patch::quoted;

/// Bytes of arguments that are gathered for one call.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Elements of one array, members of one object (each new one is looked for in all), steps of
/// one path.
const MAX_ELEMENTS: usize = 1 << 16;
const MAX_MEMBERS: usize = 1 << 12;
const MAX_STEPS: usize = 64;

/// The arguments so far.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    root: Node,
    bytes: usize,
}

#[derive(Debug, Default)]
enum Node {
    #[default]
    Nothing,
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    /// JSON as it was written.
    Raw(String),
}

#[derive(Debug, PartialEq)]
enum Step<'p> {
    Key(&'p str),
    Element(usize),
}

impl Arguments {
    /// Takes the next piece; one whose path or size cannot be followed is left out.
    pub(super) fn take(&mut self, piece: &PartialArg<'_>) {
        let Some(steps) = steps(&piece.path.0) else {
            return;
        };
        let said = piece.string.spoken();
        self.bytes += said.len() + piece.path.0.len();
        if self.bytes > MAX_BYTES {
            return;
        }
        let Some(leaf) = self.root.at(&steps) else {
            return;
        };
        if piece.string.0.is_some() {
            return leaf.say(&said);
        }
        let written = piece.number.0.or(piece.boolean.0);
        *leaf = Node::Raw(written.map_or("null", |raw| raw.get()).to_owned());
    }

    /// Whether pieces were left out because there were too many.
    pub(super) fn is_cut(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    /// The whole object.
    pub(super) fn json(&self) -> String {
        match &self.root {
            Node::Nothing => "{}".to_owned(),
            root => {
                let mut out = String::with_capacity(self.bytes);
                root.write(&mut out);
                out
            }
        }
    }
}

impl Node {
    /// The node under that path; made where there is none.
    fn at(&mut self, steps: &[Step<'_>]) -> Option<&mut Node> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(self);
        };
        match step {
            Step::Key(key) => self.member(key)?.at(rest),
            Step::Element(at) => self.element(*at)?.at(rest),
        }
    }

    fn member(&mut self, key: &str) -> Option<&mut Node> {
        if matches!(self, Node::Nothing) {
            *self = Node::Object(Vec::new());
        }
        let Node::Object(members) = self else {
            return None;
        };
        let place = members.iter().rposition(|(known, _)| known == key);
        let place = match place {
            Some(place) => place,
            None if members.len() == MAX_MEMBERS => return None,
            None => {
                members.push((key.to_owned(), Node::Nothing));
                members.len() - 1
            }
        };
        members.get_mut(place).map(|(_, node)| node)
    }

    fn element(&mut self, at: usize) -> Option<&mut Node> {
        if matches!(self, Node::Nothing) {
            *self = Node::Array(Vec::new());
        }
        match self {
            Node::Array(elements) if at <= elements.len() && at < MAX_ELEMENTS => {
                if at == elements.len() {
                    elements.push(Node::Nothing);
                }
                elements.get_mut(at)
            }
            _ => None,
        }
    }

    fn say(&mut self, more: &str) {
        match self {
            Node::Text(text) => text.push_str(more),
            _ => *self = Node::Text(more.to_owned()),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Node::Nothing => out.push_str("null"),
            Node::Text(text) => out.push_str(&quoted(text)),
            Node::Raw(json) => out.push_str(json),
            Node::Object(members) => {
                out.push('{');
                for (at, (key, node)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    out.push_str(&quoted(key));
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
            Node::Array(elements) => {
                out.push('[');
                for (at, node) in elements.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    node.write(out);
                }
                out.push(']');
            }
        }
    }
}

/// The steps of `$.a.b[0]['c d']`; `None` where it is no such path.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = step(rest)?;
        steps.push(step);
        rest = after;
        if steps.len() > MAX_STEPS {
            return None;
        }
    }
    // The arguments themselves are an object.
    matches!(steps.first(), Some(Step::Key(_))).then_some(steps)
}

fn step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('[') {
        for quote in ["'", "\""] {
            if let Some(rest) = rest.strip_prefix(quote) {
                let (key, rest) = rest.split_once(&format!("{quote}]"))?;
                return Some((Step::Key(key), rest));
            }
        }
        let (index, rest) = rest.split_once(']')?;
        return Some((Step::Element(index.parse().ok()?), rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (key, rest) = path.split_at(end);
    (!key.is_empty()).then_some((Step::Key(key), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::loose::List;

    fn check(pieces: &str, wanted: &str) {
        let pieces: List<PartialArg<'_>> = serde_json::from_str(pieces).unwrap();
        let mut arguments = Arguments::default();
        pieces
            .items()
            .iter()
            .for_each(|piece| arguments.take(piece));
        assert_eq!(arguments.json(), wanted);
    }

    #[test]
    fn pieces_of_one_value_are_joined() {
        check(
            r#"[{"jsonPath":"$.q","stringValue":"a \"","willContinue":true},{"jsonPath":"$.q","stringValue":"b"},{"jsonPath":"$.q","stringValue":""}]"#,
            r#"{"q":"a \"b"}"#,
        );
    }

    #[test]
    fn objects_and_arrays_grow_in_the_order_they_come() {
        check(
            r#"[{"jsonPath":"$.z[0].b","numberValue":1.50},{"jsonPath":"$.z[0].a","boolValue":false},{"jsonPath":"$.z[1].b","stringValue":"x"},
                {"jsonPath":"$['a b']","nullValue":"NULL_VALUE"},{"jsonPath":"$.e","stringValue":""}]"#,
            r#"{"z":[{"b":1.50,"a":false},{"b":"x"}],"a b":null,"e":""}"#,
        );
        check("[]", "{}");
    }

    #[test]
    fn paths_that_lead_nowhere_are_left_out() {
        check(
            r#"[{"jsonPath":"$.a","stringValue":"x"},{"jsonPath":"$.a.b","stringValue":"y"},{"jsonPath":"$.l[9]","stringValue":"y"},
                {"jsonPath":"$[","stringValue":"y"},{"jsonPath":"","stringValue":"y"},{"jsonPath":"$[0]","stringValue":"y"}]"#,
            r#"{"a":"x","l":[]}"#,
        );
    }
}
