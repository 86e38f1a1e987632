use proptest::prelude::*;

use super::*;
use crate::ir::{Grammar, Origin, Request, Signature, Tool};
use crate::normal::{Alphabet, fix_names};

const ALPHABET: Alphabet = Alphabet {
    max: 64,
    also: b"_-",
    letter_first: false,
};

/// The way back of a request with a tool `a.b`, a custom tool `patch.it` and a forced one.
fn back() -> Back {
    let mut request = Request::new(crate::Format::Chat);
    request.tools = ["a.b", "patch.it"]
        .map(|name| Tool::Custom {
            name: name.into(),
            description: None,
            grammar: None,
        })
        .into();
    let names = fix_names(&mut request, ALPHABET);
    let Tool::Custom { name, .. } = &request.tools[1] else {
        panic!("declared above");
    };
    Back {
        names,
        custom: vec![name.to_string()],
        json_tool: Some("json_output"),
        ..Back::default()
    }
}

/// Follows an answer in which one tool is called with its arguments in these pieces, and returns
/// what the caller sees: `name(arguments)`, or the text; and its stop.
fn called(name: &str, pieces: &[&str]) -> (String, String) {
    let mut way_back = WayBack::new(&back());
    let name = way_back
        .back
        .custom
        .first()
        .filter(|_| name == "patch.it")
        .map_or(name.to_owned(), Clone::clone);
    let (mut seen, mut end) = (String::new(), String::new());
    let mut grammar = Grammar::default();
    let mut hear = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        match event {
            Event::Open {
                kind: BlockKind::Tool { name, kind, .. },
                ..
            } => {
                seen += &format!("{name}[{kind:?}]");
            }
            Event::Delta {
                delta: Delta::Args(text) | Delta::Text(text),
                ..
            } => seen += text,
            Event::Stop { stop, .. } => end = format!("{stop:?}"),
            _ => {}
        }
    };
    let mut event = |event| way_back.event(event, &mut hear);
    event(Event::Start { id: "", model: "" });
    event(Event::Open {
        block: 0,
        choice: 0,
        kind: BlockKind::Tool {
            id: "call_1",
            name: &name,
            kind: ToolKind::Function,
        },
    });
    for piece in pieces {
        event(Event::Delta {
            block: 0,
            delta: Delta::Args(piece),
        });
    }
    event(Event::Delta {
        block: 0,
        delta: Delta::Signature(Signature::native(Origin::Messages, "proof")),
    });
    event(Event::Close { block: 0 });
    event(Event::Stop {
        choice: 0,
        stop: Stop::ToolCalls,
    });
    event(Event::End);
    (seen, end)
}

fn check(name: &str, pieces: &[&str], wanted: &str, stop: &str) {
    assert_eq!(
        called(name, pieces),
        (wanted.to_owned(), stop.to_owned()),
        "{name}"
    );
}

#[test]
fn a_changed_name_is_the_callers_again() {
    let upstream = fix_names_of("a.b");
    check(
        &upstream,
        &["{\"x\":", "1}"],
        "a.b[Function]{\"x\":1}",
        "ToolCalls",
    );
    check("other", &["{}"], "other[Function]{}", "ToolCalls");
}

fn fix_names_of(name: &str) -> String {
    let mut request = Request::new(crate::Format::Chat);
    request.tools = vec![Tool::Custom {
        name: name.into(),
        description: None,
        grammar: None,
    }];
    fix_names(&mut request, ALPHABET);
    match &request.tools[0] {
        Tool::Custom { name, .. } => name.to_string(),
        _ => String::new(),
    }
}

#[test]
fn a_custom_tool_gets_its_text() {
    let pieces = [
        "{\"inp",
        "ut\": \"*** pa",
        "tch\\",
        "n\\ud83d",
        "\\ude00\"",
        "}",
    ];
    check(
        "patch.it",
        &pieces,
        "patch.it[Custom]*** patch\n😀",
        "ToolCalls",
    );
    check(
        "patch.it",
        &["just text"],
        "patch.it[Custom]just text",
        "ToolCalls",
    );
    check("patch.it", &[], "patch.it[Custom]", "ToolCalls");
}

#[test]
fn a_forced_tool_is_text_and_no_call() {
    check("json_output", &["{\"a\":", "1}"], "{\"a\":1}", "End");
    check("json_output", &[], "{}", "End");
}

#[test]
fn a_forced_tool_beside_another_call_leaves_the_stop() {
    let mut way_back = WayBack::new(&back());
    let mut stops = Vec::new();
    let mut hear = |event: Event<'_>| {
        if let Event::Stop { stop, .. } = event {
            stops.push(format!("{stop:?}"));
        }
    };
    for (block, name) in ["json_output", "other"].into_iter().enumerate() {
        let block = block as u32;
        let kind = BlockKind::Tool {
            id: "c",
            name,
            kind: ToolKind::Function,
        };
        way_back.event(
            Event::Open {
                block,
                choice: 0,
                kind,
            },
            &mut hear,
        );
        way_back.event(Event::Close { block }, &mut hear);
    }
    let stop = Stop::ToolCalls;
    way_back.event(Event::Stop { choice: 0, stop }, &mut hear);
    assert_eq!(stops, ["ToolCalls"]);
}

#[test]
fn a_forced_tool_that_is_called_again_and_again_is_noted_once() {
    let mut way_back = WayBack::new(&back());
    for block in 0..1000 {
        let kind = BlockKind::Tool {
            id: "c",
            name: "json_output",
            kind: ToolKind::Function,
        };
        let choice = 0;
        let open = Event::Open {
            block,
            choice,
            kind,
        };
        way_back.event(open, &mut |_| {});
        way_back.event(Event::Close { block }, &mut |_| {});
    }
    assert_eq!(way_back.forced, [(0, false)]);
}

proptest! {
    #[test]
    fn custom_text_survives_every_cut(text in ".{0,30}", size in 1usize..7) {
        let args = serde_json::json!({ "input": text }).to_string();
        let letters: Vec<char> = args.chars().collect();
        let pieces: Vec<String> = letters.chunks(size).map(|piece| piece.iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(called("patch.it", &pieces).0, format!("patch.it[Custom]{text}"));
    }
}
