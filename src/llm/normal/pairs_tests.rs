use proptest::prelude::*;

use super::*;
use crate::Format;
use crate::ir::{ToolCall, ToolKind};
use crate::loss::Strictness;

/// A conversation in one line: `a!x` a call of id x, `u=x` its result, other letters are text;
/// several in one turn are joined by `|`.
fn talk(line: &str) -> Request<'_> {
    let mut request = Request::new(Format::Chat);
    for (at, turn) in line.split_whitespace().enumerate() {
        let (role, parts) = turn.split_at(1);
        let role = match role {
            "a" => Role::Assistant,
            "u" => Role::User,
            _ => Role::System,
        };
        let parts = parts.split('|').map(part).collect();
        request.turns.push(Turn::new(role, parts, at));
    }
    request
}

fn part(word: &str) -> Part<'_> {
    match word.split_at(1) {
        ("!", id) => Part::ToolCall(ToolCall {
            id: id.into(),
            name: format!("tool_{id}").into(),
            args: "{}".into(),
            kind: ToolKind::Function,
            signature: None,
            cache: None,
            at: 0,
        }),
        ("=", id) => Part::ToolResult(ToolResult {
            id: id.into(),
            name: None,
            parts: Vec::new(),
            error: false,
            cache: None,
            at: 0,
        }),
        _ => Part::text(word),
    }
}

fn line(request: &Request<'_>) -> String {
    let turn = |turn: &Turn<'_>| {
        let role = match turn.role {
            Role::Assistant => "a",
            Role::User => "u",
            Role::System => "s",
        };
        let words = turn.parts.iter().map(|part| match part {
            Part::Text { text, .. } => text.to_string(),
            Part::ToolCall(call) => format!("!{}", call.id),
            Part::ToolResult(result) => {
                assert_eq!(result.name, named(request, &result.id), "{}", result.id);
                format!("={}", result.id)
            }
            _ => "?".to_owned(),
        });
        format!("{role}{}", words.collect::<Vec<_>>().join("|"))
    };
    request.turns.iter().map(turn).collect::<Vec<_>>().join(" ")
}

/// The name of the call of that id.
fn named<'a>(request: &Request<'a>, id: &str) -> Option<Text<'a>> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let mut calls = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    });
    calls
        .find(|call| call.id == id)
        .map(|call| call.name.clone())
}

fn paired(given: &str) -> Result<String, Misfit> {
    let losses = Losses::new(Format::Chat, Format::Messages, "m", Strictness::Lenient);
    let mut request = talk(given);
    pair_tools(&mut request, &losses)?;
    Ok(line(&request))
}

fn check(given: &str, wanted: &str) {
    assert_eq!(paired(given).unwrap(), wanted, "{given}");
    assert_eq!(paired(wanted).unwrap(), wanted, "paired is paired");
}

#[test]
fn results_come_in_the_order_of_the_calls_before_other_words() {
    check("uhi a!x|!y u=y|=x|go", "uhi a!x|!y u=x|=y|go");
    check("uhi ago|!x|!y u=y u=x ugo", "uhi ago|!x|!y u=x|=y ugo");
    check("uhi a!x ugo|=x", "uhi a!x u=x|go");
}

#[test]
fn results_follow_their_call_at_once() {
    check("uhi a!x sbe u=x|go", "uhi a!x u=x sbe ugo");
    check("uhi a!x a!y u=x|=y", "uhi a!x u=x a!y u=y");
    check("uhi a!x|!y u=x await u=y", "uhi a!x|!y u=x|=y await");
}

#[test]
fn an_id_that_comes_again_is_another_call() {
    let (second, third) = ("call_4r4ah2ur27l5su5g", "call_nbgaflxlqiwzh5cf");
    check(
        "a!x u=x a!x|!y u=y|=x a!x u=x",
        &format!("a!x u=x a!{second}|!y u={second}|=y a!{third} u={third}"),
    );
    check("a!x|!x u=x|=x", &format!("a!x|!{second} u=x|={second}"));
    let misfit = paired("a!x u=x a!x").unwrap_err();
    assert!(
        misfit.to_string().ends_with("tool call 'x'"),
        "in the caller's words: {misfit}"
    );
}

#[test]
fn what_has_no_counterpart_is_refused_by_id() {
    let refused = |given, param, problem| {
        let misfit = paired(given).unwrap_err();
        assert_eq!(misfit.param(), param, "{given}");
        assert_eq!(misfit.to_string(), format!("`{param}` {problem}"));
    };
    refused(
        "uhi a!x ugo",
        "messages[2]",
        "has no result for tool call 'x'",
    );
    refused("uhi a!x", "messages[1]", "has no result for tool call 'x'");
    refused(
        "u=zz",
        "messages[0]",
        "has a result for an unknown tool call 'zz'",
    );
    refused(
        "u=x a!x",
        "messages[0]",
        "has a result for an unknown tool call 'x'",
    );
    refused("u!x", "messages[0]", "has a user's tool call 'x'");
    refused(
        "a!x u=x|=x",
        "messages[1]",
        "has a second result for tool call 'x'",
    );
}

proptest! {
    #[test]
    fn whatever_can_be_paired_is_paired_once_and_for_all(
        words in proptest::collection::vec("[aus]([!=][xyz]|t)(\\|([!=][xyz]|t)){0,3}", 0..12),
    ) {
        let given = words.join(" ");
        if let Ok(once) = paired(&given) {
            prop_assert_eq!(paired(&once).unwrap(), once.clone());
            let count = |text: &str, sign| text.matches(sign).count();
            prop_assert_eq!(count(&once, "!"), count(&once, "="));
        }
    }
}
