//! Several files as one: maps merge by key, lists concatenate, a scalar given twice is a problem.

use crate::place;
use crate::problem::Problem;
use crate::raw::Node;

/// Adds `new`, read from `file`, to `all`.
pub(crate) fn merge(
    all: &mut Node,
    new: Node,
    path: &str,
    file: &str,
    problems: &mut Vec<Problem>,
) {
    match (all, new) {
        (_, Node::Null | Node::Bad) => {}
        (all @ (Node::Null | Node::Bad), new) => *all = new,
        (Node::Map(entries), Node::Map(more)) => {
            for (key, value) in more {
                let at = entries.iter().position(|(known, _)| *known == key);
                match at {
                    Some(at) => {
                        merge(
                            &mut entries[at].1,
                            value,
                            &place::key(path, &key),
                            file,
                            problems,
                        );
                    }
                    None => entries.push((key, value)),
                }
            }
        }
        (Node::List(items), Node::List(more)) => items.extend(more),
        (Node::Map(_), other) => problems.push(mixed(path, file, "a map", other.kind())),
        (Node::List(_), other) => problems.push(mixed(path, file, "a list", other.kind())),
        (_, Node::Map(_)) => problems.push(mixed(path, file, "one value", "a map")),
        (_, Node::List(_)) => problems.push(mixed(path, file, "one value", "a list")),
        _ => problems.push(
            Problem::error(path, format!("given again in {file}")).hint("keep it in one file"),
        ),
    }
}

fn mixed(path: &str, file: &str, before: &str, now: &str) -> Problem {
    let path = if path.is_empty() { "the file" } else { path };
    Problem::error(
        path,
        format!("{before} in an earlier file, {now} in {file}"),
    )
    .hint("write it the same way in every file")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::raw::parse;

    fn run(files: &[&str]) -> (Node, Vec<String>) {
        let mut all = Node::Null;
        let mut problems = Vec::new();
        for (index, yaml) in files.iter().enumerate() {
            let node = parse("t", yaml).unwrap();
            merge(&mut all, node, "", &format!("{index}.yaml"), &mut problems);
        }
        (all, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn maps_merge_and_lists_concatenate_in_the_order_of_the_files() {
        let (node, problems) = run(&[
            "gateway: {retries: 1}\nchannels: [a]\n",
            "",
            "channels:\n",
            "gateway: {receipt: true}\nchannels: [b, c]\nlog: {level: info}\n",
        ]);
        let one = "gateway: {retries: 1, receipt: true}\nchannels: [a, b, c]\nlog: {level: info}\n";
        assert_eq!((node, problems), (parse("t", one).unwrap(), vec![]));
    }

    #[test]
    fn a_scalar_given_twice_is_a_problem_that_names_the_later_file() {
        let (_, problems) = run(&["gateway: {retries: 1}", "gateway: {retries: 1}"]);
        assert_eq!(
            problems,
            ["gateway.retries: given again in 1.yaml — keep it in one file"]
        );
    }

    #[test]
    fn a_map_does_not_merge_with_anything_else() {
        for files in [
            ["a: {b: 1}", "a: [1]"],
            ["a: [1]", "a: 2"],
            ["a: 2", "a: {b: 1}"],
        ] {
            let (_, problems) = run(&files);
            assert_eq!(problems.len(), 1, "{files:?}");
            assert!(problems[0].starts_with("a: "), "{problems:?}");
        }
    }
}
