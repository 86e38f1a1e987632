//! Answers that real providers gave, in the folder that `TOLLGATE_RECORDED` names: what they mean
//! as events is what a plain reader of their items finds.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::ir::{Collector, Grammar, Said};

/// Fewer files than this mean that the folder is not the one it should be.
const LEAST_FILES: usize = 40;

/// What an answer says: text, reasoning, and calls with their arguments.
#[derive(Debug, Default, PartialEq)]
struct Meaning {
    text: String,
    reasoning: String,
    calls: Vec<(String, String)>,
}

impl Meaning {
    /// As the items have it.
    fn of_items<'v>(items: impl IntoIterator<Item = &'v Value>) -> Meaning {
        let mut meaning = Meaning::default();
        for item in items {
            let part = |list: &str| -> Vec<&'v str> {
                let parts = item[list].as_array().into_iter().flatten();
                parts.filter_map(|part| part["text"].as_str()).collect()
            };
            match item["type"].as_str().unwrap() {
                "message" => {
                    let said = part("content").concat();
                    if !said.is_empty() && !meaning.text.is_empty() {
                        meaning.text += "\n\n";
                    }
                    meaning.text += &said;
                }
                "reasoning" => {
                    meaning.reasoning += &[part("summary"), part("content")].concat().join("\n\n");
                }
                kind @ ("function_call" | "custom_tool_call") => {
                    let args = if kind == "function_call" {
                        "arguments"
                    } else {
                        "input"
                    };
                    let word = |key: &str| item[key].as_str().unwrap().to_owned();
                    meaning.calls.push((word("name"), word(args)));
                }
                _ => {}
            }
        }
        meaning
    }

    /// As the events have it.
    fn of_pieces(pieces: &[String]) -> Meaning {
        let (mut collector, mut grammar) = (Collector::default(), Grammar::default());
        let mut each = |event: Event<'_>| {
            grammar.see(&event).unwrap();
            assert!(collector.take(&event));
        };
        let mut decoder = Decoder::new(Quirks::NONE, "r");
        for json in pieces {
            let piece = Piece {
                name: b"",
                json: json.as_bytes(),
                whole: false,
            };
            decoder.push(piece, &mut each);
        }
        decoder.finish(&mut each);
        let mut meaning = Meaning::default();
        let choice = collector.reply().choices.first();
        for said in choice.map_or(&[][..], |choice| &choice.said) {
            match said {
                Said::Text { text, .. } => meaning.text += text,
                Said::Reasoning { text, .. } => meaning.reasoning += text,
                Said::Tool { name, args, .. } => meaning.calls.push((name.clone(), args.clone())),
                _ => {}
            }
        }
        meaning
    }
}

#[test]
fn every_recorded_answer_means_what_its_items_say() {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        println!("TOLLGATE_RECORDED not set: recorded answers NOT tested");
        return;
    };
    let mut files = 0;
    for file in files_under(&Path::new(&folder).join("responses")) {
        let text = std::fs::read_to_string(&file).unwrap();
        // Some providers answer a Responses path in chat's shape.
        if !text.contains("chat.completion") {
            check(&file.display().to_string(), &text);
            files += 1;
        }
    }
    println!("{files} recorded answers tested");
    assert!(files >= LEAST_FILES, "only {files} files");
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_under(&path),
            false => vec![path],
        })
        .collect()
}

fn check(name: &str, text: &str) {
    if !name.ends_with(".chunks.txt") {
        let whole: Value = serde_json::from_str(text).unwrap();
        let items = whole["output"].as_array().into_iter().flatten();
        let meaning = Meaning::of_pieces(&[text.to_owned()]);
        assert_eq!(meaning, Meaning::of_items(items), "{name}");
        return;
    }
    // A file may hold the streams of several turns, one after another.
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for lines in lines.split_inclusive(|line| line.contains(r#""type":"response.completed""#)) {
        let events: Vec<Value> = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let done = events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done");
        let items: Vec<Value> = done.map(|done| as_streamed(done, &events)).collect();
        let wanted = Meaning::of_items(&items);
        assert_eq!(Meaning::of_pieces(lines), wanted, "{name}");
        // The same from the last event alone, unless an item was taken out of the recording.
        let last = events
            .iter()
            .find(|event| event["type"] == "response.completed");
        if let Some(output) = last.and_then(|last| last["response"]["output"].as_array()) {
            let from_last = Meaning::of_pieces(&[last.unwrap().to_string()]);
            assert_eq!(from_last, Meaning::of_items(output), "{name}");
        }
    }
}

/// The item of a `done` event. Some recordings were shortened by hand, and not in all places: what
/// was streamed counts, if the item does not begin with it.
fn as_streamed(done: &Value, events: &[Value]) -> Value {
    let mut item = done["item"].clone();
    let deltas = events.iter().filter(|event| {
        event["type"] == "response.output_text.delta"
            && event["output_index"] == done["output_index"]
    });
    let streamed: String = deltas.filter_map(|event| event["delta"].as_str()).collect();
    let whole = item["content"][0]["text"].as_str().unwrap_or("");
    if !whole.starts_with(&streamed) {
        item["content"][0]["text"] = streamed.into();
    }
    item
}
