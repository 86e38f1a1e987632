//! Replies that real providers gave, decoded, against a plain reader of whole JSON values. The
//! folder is named by `TOLLGATE_RECORDED`; below it lie `chat/<provider>/*.json` (whole replies)
//! and `*.chunks.txt` (streams, one JSON payload a line).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::ir::{Collector, Grammar, Said};

/// Fewer files than this mean that the folder is not the one it should be.
const LEAST_FILES: usize = 40;

/// What the first choice says.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    text: String,
    reasoning: String,
    /// Name and arguments.
    calls: Vec<(String, String)>,
}

#[test]
fn every_recorded_reply_decodes_as_a_plain_reader_reads_it() {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        eprintln!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        return;
    };
    let mut files = Vec::new();
    files_under(&Path::new(&folder).join("chat"), &mut files);
    for file in &files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).unwrap();
        let whole = !name.ends_with(".chunks.txt");
        let pieces: Vec<&str> = match whole {
            true => vec![&text],
            false => text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .collect(),
        };
        let plain = plain(&pieces, whole);
        assert_eq!(decoded(&pieces, whole, &name), plain, "of {name}");
    }
    assert!(files.len() >= LEAST_FILES, "only {} files", files.len());
}

fn files_under(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn decoded(pieces: &[&str], whole: bool, name: &str) -> Plain {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let (mut grammar, mut collector) = (Grammar::default(), Collector::default());
    let mut each = |event: Event<'_>| {
        grammar
            .see(&event)
            .unwrap_or_else(|breach| panic!("{breach}: {event:?} in {name}"));
        assert!(collector.take(&event));
    };
    for piece in pieces {
        let json = piece.as_bytes();
        decoder.push(
            Piece {
                name: b"",
                json,
                whole,
            },
            &mut each,
        );
    }
    decoder.finish(&mut each);
    let mut plain = Plain::default();
    for said in collector
        .reply()
        .choices
        .iter()
        .flat_map(|choice| &choice.said)
    {
        match said {
            Said::Text { text, .. } => plain.text += text,
            Said::Reasoning { text, .. } => plain.reasoning += text,
            Said::Tool { name, args, .. } => plain.calls.push((name.clone(), args.clone())),
            _ => {}
        }
    }
    plain
}

fn plain(pieces: &[&str], whole: bool) -> Plain {
    let mut plain = Plain::default();
    let mut calls: Vec<(Value, String, String)> = Vec::new();
    for piece in pieces {
        let Ok(chunk) = serde_json::from_str::<Value>(piece) else {
            continue;
        };
        for choice in list(&chunk["choices"]) {
            let said = &choice[if whole { "message" } else { "delta" }];
            plain.text += &words(&said["content"], "text");
            plain.reasoning += &words(&said["content"], "thinking");
            let reasoning = [&said["reasoning_content"], &said["reasoning"]];
            plain.reasoning += reasoning
                .iter()
                .find_map(|said| said.as_str())
                .unwrap_or("");
            for (place, call) in list(&said["tool_calls"]).iter().enumerate() {
                // The recordings tell calls apart by index in streams, by place in whole answers.
                let key = match whole {
                    true => Value::from(calls.len()),
                    false => call.get("index").cloned().unwrap_or(Value::from(place)),
                };
                if !calls.iter().any(|(of, ..)| *of == key) {
                    calls.push((key.clone(), String::new(), String::new()));
                }
                let (_, name, args) = calls.iter_mut().find(|(of, ..)| *of == key).unwrap();
                if name.is_empty() {
                    *name += call["function"]["name"].as_str().unwrap_or("");
                }
                *args += &match &call["function"]["arguments"] {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                };
            }
        }
    }
    plain.calls = calls
        .into_iter()
        .map(|(_, name, args)| (name, args))
        .collect();
    plain
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Text of a string, or of the parts of that kind.
fn words(content: &Value, kind: &str) -> String {
    if let Some(text) = content.as_str() {
        return if kind == "text" {
            text.to_owned()
        } else {
            String::new()
        };
    }
    let parts = list(content).iter().filter(|part| part["type"] == kind);
    parts
        .map(|part| match &part[kind] {
            Value::String(text) => text.clone(),
            inner => words(inner, "text"),
        })
        .collect()
}
