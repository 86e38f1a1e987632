//! What compiles, what does not, and what is said about it.
#![allow(clippy::unwrap_used)]

mod addresses;
mod channels;
mod environment;
mod files;
mod fuzzed;
mod idle;
mod money;
mod secrets;
mod tokens;
mod whole;

use crate::compile::compile;
use crate::health::LaneBook;
use crate::problem::Problem;
use crate::snapshot::{Channel, Snapshot, Token};
use crate::source::Sources;

/// A channel and a key that nothing is wrong with.
const GOOD_CHANNEL: &str = "channels: [{name: a, provider: openai, keys: [k], models: [gpt-4o]}]\n";
const GOOD_TOKEN: &str = "tokens: [{name: t, key: sk-12345678}]\n";

/// The variables of the tests.
fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("sk-from-the-environment".into()),
        "EMPTY" => Some(String::new()),
        "PORT_OF_MINE" => Some("8080".into()),
        _ => None,
    }
}

fn compile_with(
    yaml: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Snapshot, Vec<Problem>> {
    compile(&Sources::from_text(yaml, env)?, &LaneBook::new(), 1)
}

/// The snapshot of a configuration without errors.
fn snapshot(yaml: &str) -> Snapshot {
    compile_with(yaml, &env).unwrap_or_else(|problems| panic!("{yaml}\n{}", lines(&problems)))
}

/// Everything said about a configuration, whether it compiles or not.
fn said(yaml: &str) -> Vec<Problem> {
    match compile_with(yaml, &env) {
        Ok(snapshot) => snapshot.warnings,
        Err(problems) => problems,
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// Each expected text begins one problem, in this order, and there is no other. `!` before it
/// marks an error, `?` a warning. Every problem has advice.
fn check(yaml: &str, expected: &[&str]) {
    let problems = said(yaml);
    let all = lines(&problems);
    assert_eq!(problems.len(), expected.len(), "{yaml}\n{all}");
    for (problem, expected) in problems.iter().zip(expected) {
        let mark = if problem.is_error() { '!' } else { '?' };
        let line = format!("{mark}{problem}");
        assert!(
            line.starts_with(expected),
            "{yaml}\nexpected {expected}\n{all}"
        );
        assert!(problem.hint.is_some(), "no advice: {problem}");
    }
}

/// `check` for a section beside a good channel and key.
fn check_section(section: &str, expected: &[&str]) {
    check(&format!("{section}\n{GOOD_CHANNEL}{GOOD_TOKEN}"), expected);
}

/// A configuration with the channel `a` of these keys.
fn with_channel(keys: &str) -> String {
    format!("channels: [{{name: a, {keys}}}]\n{GOOD_TOKEN}")
}

/// The same with everything a channel needs, and more.
fn with_good_channel(more: &str) -> String {
    with_channel(&format!(
        "provider: openai, keys: [k], models: [gpt-4o], {more}"
    ))
}

fn check_channel(more: &str, expected: &[&str]) {
    check(&with_good_channel(more), expected);
}

fn channel(yaml: &str) -> std::sync::Arc<Channel> {
    snapshot(yaml).channels[0].clone()
}

/// A configuration with the key `t`, and more of it.
fn with_token(more: &str) -> String {
    format!("{GOOD_CHANNEL}tokens: [{{name: t, {more}}}]\n")
}

fn check_token(more: &str, expected: &[&str]) {
    check(&with_token(&format!("key: sk-12345678, {more}")), expected);
}

fn token(yaml: &str) -> std::sync::Arc<Token> {
    snapshot(yaml).tokens.into_values().next().unwrap()
}
