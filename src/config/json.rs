//! A YAML value as JSON text, for what is put into upstream bodies.

use crate::raw::Node;

/// Appends `node` to `out`, or says what JSON cannot hold.
pub(crate) fn write(node: &Node, out: &mut String) -> Result<(), &'static str> {
    match node {
        Node::Null | Node::Bad => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(text) if is_number(text) => out.push_str(text),
        Node::Number(_) => return Err("a number that is not finite"),
        // A value of the environment is what it reads as: ${LIMIT} may be a number.
        Node::FromEnv(text)
            if is_number(text) || matches!(text.as_str(), "true" | "false" | "null") =>
        {
            out.push_str(text);
        }
        Node::Text(text) | Node::FromEnv(text) | Node::Mixed(text) | Node::Secret(text) => {
            string(text, out);
        }
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                comma(index, out);
                write(item, out)?;
            }
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                comma(index, out);
                string(key, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
        Node::Tagged(_) => return Err("a tagged value"),
    }
    Ok(())
}

fn comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::raw::parse;

    fn check(yaml: &str, json: &str) {
        let mut out = String::new();
        write(&parse("t", yaml).unwrap(), &mut out).unwrap();
        assert_eq!(out, json);
        assert!(
            serde_json::from_str::<serde_json::Value>(&out).is_ok(),
            "{out}"
        );
    }

    #[test]
    fn yaml_becomes_json_with_the_same_numbers_and_order() {
        check(
            "{b: 0.2, a: [1, -3, 18446744073709551615]}",
            r#"{"b":0.2,"a":[1,-3,18446744073709551615]}"#,
        );
        check(
            "{x: true, y: null, z: \"a\\n\\\"b\\\"\"}",
            r#"{"x":true,"y":null,"z":"a\n\"b\""}"#,
        );
        check("'12'", r#""12""#);
        check("{12: {}, e: []}", r#"{"12":{},"e":[]}"#);
    }

    #[test]
    fn a_whole_value_from_the_environment_keeps_its_meaning() {
        for (value, json) in [
            ("12", "12"),
            ("true", "true"),
            ("0012", "\"0012\""),
            ("a", "\"a\""),
            ("-", "\"-\""),
        ] {
            let mut out = String::new();
            write(&Node::FromEnv(value.into()), &mut out).unwrap();
            assert_eq!(out, json);
        }
    }

    #[test]
    fn infinity_is_refused() {
        for yaml in [".inf", "-.inf", ".nan", "[.nan]"] {
            assert!(
                write(&parse("t", yaml).unwrap(), &mut String::new()).is_err(),
                "{yaml}"
            );
        }
    }
}
