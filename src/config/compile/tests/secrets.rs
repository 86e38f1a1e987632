//! No problem and no debug text repeats a secret.

use super::*;
use crate::json::write;
use crate::raw::{Node, parse};

const SECRET: &str = "sk-TOP-SECRET-0123456789";

/// A configuration in which every value comes from the environment.
fn every_value_secret() -> String {
    let mut tree = parse("every_key", include_str!("../../fixtures/every_key.yaml")).unwrap();
    hide(&mut tree);
    let mut json = String::new();
    write(&tree, &mut json).unwrap();
    json
}

fn hide(node: &mut Node) {
    match node {
        Node::List(items) => items.iter_mut().for_each(hide),
        Node::Map(entries) => entries.iter_mut().for_each(|(_, value)| hide(value)),
        leaf => *leaf = Node::Text("${SECRET}".into()),
    }
}

fn secret_env(name: &str) -> Option<String> {
    match name {
        "SECRET"
        | "PORT"
        | "SQL_DSN"
        | "REDIS_CONN_STRING"
        | "STREAMING_TIMEOUT"
        | "MAX_REQUEST_BODY_MB" => Some(SECRET.to_string()),
        _ => None,
    }
}

fn told(yaml: &str) -> String {
    match compile_with(yaml, &secret_env) {
        Ok(snapshot) => lines(&snapshot.warnings),
        Err(problems) => lines(&problems),
    }
}

#[test]
fn values_from_the_environment_are_never_repeated() {
    let yaml = every_value_secret();
    let told = told(&yaml);
    assert!(
        told.lines().count() > 20,
        "the test must find problems:\n{yaml}\n{told}"
    );
    assert!(!told.contains("SECRET-"), "{told}");
}

#[test]
fn keys_written_in_place_are_not_repeated_either() {
    for keys in [
        format!("keys: ['{SECRET}', '{SECRET}']"),
        format!("keys: ['{SECRET}\\n']"),
    ] {
        let told = told(&with_channel(&format!(
            "provider: openai, models: [gpt-4o], {keys}"
        )));
        assert!(!told.contains("SECRET-"), "{told}");
    }
    let url = format!("base_url: 'https://user:{SECRET}@h'");
    assert!(!told(&with_good_channel(&url)).contains("SECRET-"));
    let headers = format!("headers: {{set: {{x: \"{SECRET}\\n\"}}}}");
    assert!(!told(&with_good_channel(&headers)).contains("SECRET-"));
    let store = format!("store: 'postgres://u:{SECRET}@h/db'\nredis: 'redis://:{SECRET}@h'\n");
    assert!(!told(&store).contains("SECRET-"));
}

#[test]
fn nor_is_a_section_that_is_one_value() {
    for section in [
        "gateway",
        "admin",
        "metrics",
        "log",
        "billing",
        "journal",
        "retention",
        "channels",
        "tokens",
        "models",
        "groups",
        "group_ratios",
        "limits",
        "store",
        "redis",
        "conversion",
    ] {
        let told = told(&format!("{section}: ${{SECRET}}\n"));
        assert!(!told.contains("SECRET-"), "{told}");
    }
}
