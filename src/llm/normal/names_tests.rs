use proptest::prelude::*;

use super::*;
use crate::Format;
use crate::ir::{Role, ToolCall, ToolKind, ToolResult, Turn};

const CHAT: Alphabet = Alphabet {
    max: 64,
    also: b"_-",
    letter_first: false,
};

const GEMINI: Alphabet = Alphabet {
    max: 64,
    also: b"_.:-",
    letter_first: true,
};

/// A request that declares these tools and has called each of them.
fn request<'a>(names: &[&'a str]) -> Request<'a> {
    let mut request = Request::new(Format::Chat);
    request.tools = names.iter().map(|name| tool(name)).collect();
    request.turns = vec![Turn {
        role: Role::Assistant,
        parts: names.iter().map(|name| call("id", name)).collect(),
        at: 0,
        name: None,
    }];
    request
}

fn tool(name: &str) -> Tool<'_> {
    Tool::Function {
        name: name.into(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    }
}

fn call<'a>(id: &'a str, name: &'a str) -> Part<'a> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        args: "{}".into(),
        kind: ToolKind::Function,
        signature: None,
        cache: None,
        at: 0,
    })
}

fn result(id: &str) -> Part<'_> {
    Part::ToolResult(ToolResult {
        id: id.into(),
        name: None,
        parts: Vec::new(),
        error: false,
        cache: None,
        at: 0,
    })
}

/// The names after the change, each twice: declared and called.
fn check(alphabet: Alphabet, given: &[&str], wanted: &[&str]) {
    let mut request = request(given);
    let back = fix_names(&mut request, alphabet);
    let mut changed = Vec::new();
    each_name(&mut request, &mut |name| changed.push(name.to_string()));
    assert_eq!(changed, [wanted, wanted].concat());
    for (given, wanted) in given.iter().zip(wanted) {
        assert!(alphabet.fits(wanted), "{wanted}");
        assert_eq!(back.original(wanted), *given, "the way back of {wanted}");
    }
}

#[test]
fn names_that_fit_stay() {
    check(
        CHAT,
        &["get_weather", "a-b", "9lives"],
        &["get_weather", "a-b", "9lives"],
    );
    check(GEMINI, &["files.read:v2"], &["files.read:v2"]);
}

#[test]
fn a_name_that_does_not_fit_is_made_to_and_tagged() {
    check(CHAT, &["files.read/v2"], &["files_read_v2_6090"]);
    check(CHAT, &["查询", ""], &["___769b", "_824a"]);
    check(GEMINI, &["9lives", "-x"], &["_9lives_7372", "_-x_a3a7"]);
}

#[test]
fn a_long_name_is_cut_to_the_limit() {
    let long = "n".repeat(70);
    let mut request = request(&[&long]);
    let back = fix_names(&mut request, CHAT);
    let Tool::Function { name, .. } = &request.tools[0] else {
        panic!("a function was given");
    };
    assert!(CHAT.fits(name), "{name}");
    assert_eq!(back.original(name), long);
}

#[test]
fn a_tag_that_is_taken_gives_way_to_another() {
    check(
        CHAT,
        &["files.read/v2", "files_read_v2_6090"],
        &["files_read_v2_b3ac", "files_read_v2_6090"],
    );
}

#[test]
fn the_choice_and_the_results_are_renamed_too() {
    let mut request = request(&["a.b"]);
    request.tool_choice = Some(ToolChoice::Named("a.b".into()));
    if let Part::ToolResult(mut result) = result("id") {
        result.name = Some("a.b".into());
        request.turns[0].parts.push(Part::ToolResult(result));
    }
    let back = fix_names(&mut request, CHAT);
    each_name(&mut request, &mut |name| {
        assert_eq!(back.original(name), "a.b");
    });
}

#[test]
fn ids_are_replaced_alike_in_call_and_result() {
    let mut request = request(&[]);
    request.turns[0].parts = vec![call("call:1|x", "f"), result("call:1|x"), result("ok_1")];
    fix_ids(&mut request, CHAT);
    let ids = |part: &Part<'_>| match part {
        Part::ToolCall(call) => call.id.to_string(),
        Part::ToolResult(result) => result.id.to_string(),
        _ => String::new(),
    };
    let ids: Vec<String> = request.turns[0].parts.iter().map(ids).collect();
    assert_eq!(
        ids,
        ["call_e3noo2jvfhgwrmnt", "call_e3noo2jvfhgwrmnt", "ok_1"]
    );
}

#[test]
fn a_minted_id_is_the_same_for_the_same_place() {
    assert_eq!(mint_id(3, 0, "f"), "call_ypdb32lytfiql2lq");
    let places = [(3, 0, "f"), (3, 1, "f"), (4, 0, "f"), (3, 0, "g")];
    let ids: HashSet<_> = places
        .map(|(turn, part, name)| mint_id(turn, part, name))
        .into();
    assert_eq!(ids.len(), places.len());
}

proptest! {
    #[test]
    fn every_name_fits_and_finds_its_way_back(
        given in proptest::collection::vec("[a-b./ é9_-]{0,4}|\\PC{0,80}", 0..40),
    ) {
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        for alphabet in [CHAT, GEMINI] {
            let mut request = request(&given);
            let back = fix_names(&mut request, alphabet);
            let mut changed = Vec::new();
            each_name(&mut request, &mut |name| changed.push(name.to_string()));
            for (given, changed) in given.iter().zip(&changed) {
                prop_assert!(alphabet.fits(changed), "{} does not fit", changed);
                prop_assert_eq!(back.original(changed), *given);
            }
        }
    }
}
