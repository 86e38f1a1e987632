//! `${NAME}` and `${NAME:-default}` inside text, from the environment, after the YAML is read, so
//! that no value can add YAML of its own.

use crate::place;
use crate::problem::Problem;
use crate::raw::Node;

/// The environment, as a function from a name to its value.
pub type Env<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// Replaces every substitution below `node`; `path` is where it stands.
pub(crate) fn substitute(node: &mut Node, path: &str, env: &Env<'_>, problems: &mut Vec<Problem>) {
    match node {
        Node::Text(text) => {
            if let Some(new) = replaced(text, path, env, problems) {
                *node = new;
            }
        }
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let path = place::item(path, index, item);
                substitute(item, &path, env, problems);
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries {
                let path = place::key(path, key);
                if key.contains("${") {
                    problems.push(
                        Problem::error(path.as_str(), "a key takes no substitution")
                            .hint("write the name itself"),
                    );
                }
                substitute(value, &path, env, problems);
            }
        }
        _ => {}
    }
}

/// What `text` becomes, or `None` when it has nothing to replace.
fn replaced(text: &str, path: &str, env: &Env<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
    if !text.contains("${") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut pieces = 0;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            // `$${` is a literal `${`.
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('}') else {
            problems.push(unclosed(path));
            return Some(Node::Bad);
        };
        match value(&rest[start + 2..start + end], env) {
            Ok(value) => out.push_str(&value),
            Err((what, hint)) => {
                problems.push(Problem::error(path, what).hint(hint));
                return Some(Node::Bad);
            }
        }
        pieces += 1;
        rest = &rest[start + end + 1..];
    }
    out.push_str(rest);
    let whole = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
    Some(match pieces {
        0 => Node::Text(out),
        _ if whole => Node::FromEnv(out),
        _ => Node::Mixed(out),
    })
}

fn unclosed(path: &str) -> Problem {
    Problem::error(path, "`${` without its `}`")
        .hint("write ${NAME}, or $${ for the two characters")
}

/// The value of what stands between the braces, or what is wrong with it.
fn value(inside: &str, env: &Env<'_>) -> Result<String, (String, String)> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err((
            "not a substitution: letters, digits and _ name a variable".to_string(),
            "write ${NAME} or ${NAME:-default}, or $${ for the two characters".to_string(),
        ));
    }
    match (env(name), default) {
        (_, Some(default)) if default.contains("${") => Err((
            "a default with a substitution of its own".to_string(),
            "write the default itself".to_string(),
        )),
        // As in a shell, `:-` also replaces what is set but empty.
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (Some(value), None) => Ok(value),
        (_, Some(default)) => Ok(default.to_string()),
        (None, None) => Err((
            format!("the environment has no variable {name}"),
            format!("set {name}, or write ${{{name}:-default}}"),
        )),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("example.com".into()),
            "PORT" => Some("8080".into()),
            "EMPTY" => Some(String::new()),
            "YAML" => Some("a: [1]\nb: {}".into()),
            "LOOP" => Some("${HOST}".into()),
            _ => None,
        }
    }

    fn run(text: &str) -> (Node, Vec<Problem>) {
        let mut node = Node::Text(text.to_string());
        let mut problems = Vec::new();
        substitute(&mut node, "here", &env, &mut problems);
        (node, problems)
    }

    fn check(text: &str, expected: Node) {
        let (node, problems) = run(text);
        assert_eq!((node, problems), (expected, Vec::new()), "{text}");
    }

    #[test]
    fn a_name_becomes_its_value() {
        check("${PORT}", Node::FromEnv("8080".into()));
        check("${EMPTY}", Node::FromEnv(String::new()));
        check(
            "http://${HOST}:${PORT}/",
            Node::Mixed("http://example.com:8080/".into()),
        );
        check("${HOST}${PORT}", Node::Mixed("example.com8080".into()));
    }

    #[test]
    fn a_default_stands_in_for_what_is_unset_or_empty() {
        check("${NOT_SET:-3000}", Node::FromEnv("3000".into()));
        check("${EMPTY:-3000}", Node::FromEnv("3000".into()));
        check("${PORT:-3000}", Node::FromEnv("8080".into()));
        check("${NOT_SET:-}", Node::FromEnv(String::new()));
        check(
            "${NOT_SET:-http://a:-b}",
            Node::FromEnv("http://a:-b".into()),
        );
    }

    #[test]
    fn other_dollars_are_left_alone() {
        check("$HOME costs 5$", Node::Text("$HOME costs 5$".into()));
        check("$${HOST}", Node::Text("${HOST}".into()));
        check("a$${b ${PORT}", Node::Mixed("a${b 8080".into()));
    }

    #[test]
    fn a_value_stays_text_whatever_it_holds() {
        check("${YAML}", Node::FromEnv("a: [1]\nb: {}".into()));
        check("${LOOP}", Node::FromEnv("${HOST}".into()));
    }

    #[test]
    fn what_cannot_be_replaced_is_a_problem_that_names_the_variable() {
        let cases = [
            ("${MISSING}", "MISSING"),
            ("a ${MISSING} b", "MISSING"),
            ("${", "without its"),
            ("${}", "not a substitution"),
            ("${1A}", "not a substitution"),
            ("${A B}", "not a substitution"),
            ("${A:-${HOST}}", "of its own"),
        ];
        for (text, part) in cases {
            let (node, problems) = run(text);
            assert_eq!(node, Node::Bad, "{text}");
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].what.contains(part), "{text}: {}", problems[0]);
            assert_eq!(problems[0].path, "here");
        }
    }
}
