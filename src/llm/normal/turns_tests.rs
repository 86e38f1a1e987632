use super::*;
use crate::Format;
use crate::ir::{System, ToolResult};
use crate::loss::Strictness;

/// A conversation in one line: `u:a|b a:c s:d` (user says a and b, assistant c, system d).
fn talk(line: &str) -> Request<'_> {
    let mut request = Request::new(Format::Chat);
    for (at, words) in line.split_whitespace().enumerate() {
        let (role, texts) = words.split_once(':').unwrap();
        request.turns.push(Turn {
            role: match role {
                "u" => Role::User,
                "a" => Role::Assistant,
                _ => Role::System,
            },
            parts: texts
                .split('|')
                .map(|text| Part::text(text.replace('_', " ")))
                .collect(),
            at,
            name: None,
        });
    }
    request
}

/// The line of a conversation.
fn line(request: &Request<'_>) -> String {
    let words = |turn: &Turn<'_>| {
        let role = match turn.role {
            Role::User => "u",
            Role::Assistant => "a",
            Role::System => "s",
        };
        let texts = turn.parts.iter().map(|part| match part {
            Part::Text { text, .. } => text.replace(' ', "_"),
            _ => "?".to_owned(),
        });
        format!("{role}:{}", texts.collect::<Vec<_>>().join("|"))
    };
    request
        .turns
        .iter()
        .map(words)
        .collect::<Vec<_>>()
        .join(" ")
}

fn losses(strictness: Strictness) -> Losses {
    Losses::new(Format::Chat, Format::Messages, "m", strictness)
}

fn check(given: &str, pass: impl FnOnce(&mut Request<'_>), wanted: &str) {
    let mut request = talk(given);
    pass(&mut request);
    assert_eq!(line(&request), wanted, "{given}");
}

#[test]
fn neighbours_of_one_role_are_joined_part_by_part() {
    check("u:a u:b|c a:d a:e u:f", merge_turns, "u:a|b|c a:d|e u:f");
    check("", merge_turns, "");
}

#[test]
fn system_words_in_the_middle_become_the_users() {
    check(
        "u:a a:b s:be_brief|now u:c",
        |request| {
            inline_system(request);
            merge_turns(request);
        },
        "u:a a:b u:<system>be_brief</system>|<system>now</system>|c",
    );
}

#[test]
fn a_lone_system_prompt_is_spoken_by_the_user() {
    let mut request = talk("");
    let block = |text: &'static str| System {
        text: text.into(),
        cache: None,
    };
    request.system = vec![block("a"), block("b")];
    speak_for_system(&mut request);
    assert_eq!((line(&request).as_str(), request.system.len()), ("u:b", 1));
    speak_for_system(&mut request);
    assert_eq!(request.system.len(), 1, "there is a conversation now");
}

#[test]
fn the_user_is_made_to_begin_unless_strict() {
    let lead = |strictness| {
        move |request: &mut Request<'_>| {
            lead_with_user(request, &mut losses(strictness)).unwrap();
        }
    };
    check("a:x u:y", lead(Strictness::Lenient), "u:(continue) a:x u:y");
    check("u:y", lead(Strictness::Strict), "u:y");
    check("", lead(Strictness::Strict), "");
    let refused = lead_with_user(&mut talk("a:x"), &mut losses(Strictness::Strict));
    assert_eq!(refused.unwrap_err().param(), "messages[0]");
}

#[test]
fn empty_words_go_and_white_space_where_it_is_refused() {
    let drop = |blank| {
        move |request: &mut Request<'_>| {
            drop_empty(request, blank, &losses(Strictness::Lenient)).unwrap();
        }
    };
    check("u:a||b a: u:_", drop(Blank::Empty), "u:a|b u:_");
    check("u:a|_|b a:_ u:c", drop(Blank::Whitespace), "u:a|b u:c");
    check("u:a a:", drop(Blank::Empty), "u:a");
    check("u: a:x u:y", drop(Blank::Empty), "a:x u:y");
}

#[test]
fn a_user_who_says_nothing_in_the_end_is_refused() {
    for (given, at) in [("u:a a:b u:", "messages[2]"), ("u:", "messages[0]")] {
        let mut request = talk(given);
        let refused = drop_empty(&mut request, Blank::Empty, &losses(Strictness::Lenient));
        assert_eq!(refused.unwrap_err().param(), at, "{given}");
    }
}

#[test]
fn empty_results_stay_and_lose_their_empty_words() {
    let mut request = talk("u:a");
    request.turns[0].parts = vec![Part::ToolResult(ToolResult {
        id: "c".into(),
        name: None,
        parts: vec![Part::text(""), Part::text("x")],
        error: false,
        cache: None,
        at: 0,
    })];
    drop_empty(&mut request, Blank::Empty, &losses(Strictness::Lenient)).unwrap();
    let Part::ToolResult(result) = &request.turns[0].parts[0] else {
        panic!("a result was given");
    };
    assert_eq!(result.parts, [Part::text("x")]);
}
