//! Makes a parsed tree plain: doubled keys and tags are reported, `<<` is merged.

use std::collections::HashSet;

use crate::place;
use crate::problem::Problem;
use crate::raw::Node;

/// YAML's merge key, <https://yaml.org/type/merge.html>.
const MERGE: &str = "<<";

/// Reports what no map of the configuration may hold, and takes it out.
pub(crate) fn tidy(node: &mut Node, path: &str, problems: &mut Vec<Problem>) {
    match node {
        Node::Tagged(tag) => {
            problems.push(
                Problem::error(or_file(path), format!("the tag !{tag} means nothing here"))
                    .hint("write the value without it; the environment is read by ${NAME}"),
            );
            *node = Node::Bad;
        }
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = place::item(path, index, item);
                tidy(item, &path, problems);
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries.iter_mut() {
                tidy(value, &place::key(path, key), problems);
            }
            single(entries, path, problems);
            merge_key(entries, path, problems);
        }
        _ => {}
    }
}

/// The same of JSON, where `<<` is a key like any other: what looks for a key, a secret's say, finds it
/// where it is in force.
pub(crate) fn tidy_json(node: &mut Node, path: &str, problems: &mut Vec<Problem>) {
    match node {
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = place::item(path, index, item);
                tidy_json(item, &path, problems);
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries.iter_mut() {
                tidy_json(value, &place::key(path, key), problems);
            }
            single(entries, path, problems);
        }
        _ => {}
    }
}

fn or_file(path: &str) -> &str {
    if path.is_empty() { "the file" } else { path }
}

/// The first of each key stays.
fn single(entries: &mut Vec<(String, Node)>, path: &str, problems: &mut Vec<Problem>) {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.retain(|(key, _)| {
        let new = seen.insert(key.clone());
        if !new {
            problems.push(
                Problem::error(place::key(path, key), "given twice in the same map")
                    .hint("keep one of them"),
            );
        }
        new
    });
}

/// `<<: *base` adds what the map does not say itself.
fn merge_key(entries: &mut Vec<(String, Node)>, path: &str, problems: &mut Vec<Problem>) {
    let Some(at) = entries.iter().position(|(key, _)| key == MERGE) else {
        return;
    };
    let bases = match entries.remove(at).1 {
        Node::List(items) => items,
        other => vec![other],
    };
    let mut seen: HashSet<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    for base in bases {
        match base {
            Node::Map(base) => {
                entries.extend(base.into_iter().filter(|(key, _)| seen.insert(key.clone())));
            }
            Node::Bad => {}
            other => problems.push(
                Problem::error(
                    place::key(path, MERGE),
                    format!("expected a map or a list of maps, found {}", other.kind()),
                )
                .hint("write <<: *name of an anchored map"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::raw::parse;

    fn run(yaml: &str) -> (Node, Vec<String>) {
        let mut node = parse("t", yaml).unwrap();
        let mut problems = Vec::new();
        tidy(&mut node, "", &mut problems);
        (
            node,
            problems.into_iter().map(|problem| problem.path).collect(),
        )
    }

    #[test]
    fn every_doubled_key_is_named_with_its_path() {
        let (_, paths) = run("a: {x: 1, x: 2}\nb: [{y: 1, y: 1, y: 1}]\na: 3\n");
        assert_eq!(paths, ["a.x", "b[0].y", "b[0].y", "a"]);
    }

    #[test]
    fn a_tag_is_a_problem_wherever_it_stands() {
        let (node, paths) = run("a: !env X\nb: [!secret {c: 1}]\n");
        assert_eq!(paths, ["a", "b[0]"]);
        assert_eq!(
            node,
            Node::Map(vec![
                ("a".into(), Node::Bad),
                ("b".into(), Node::List(vec![Node::Bad]))
            ])
        );
    }

    #[test]
    fn a_merge_key_adds_what_is_not_said() {
        let (merged, paths) = run("- &a {x: 1, y: 2}\n- &b {y: 3, z: 4}\n- {<<: [*a, *b], x: 9}\n");
        assert_eq!(paths, Vec::<String>::new());
        let (plain, _) = run("- {x: 1, y: 2}\n- {y: 3, z: 4}\n- {x: 9, y: 2, z: 4}\n");
        assert_eq!(merged, plain);
        assert_eq!(run("a: {<<: 3}").1, ["a.<<"]);
    }
}
