//! Replies that Google gave, read here and by a plain reader of whole JSON values: text, thoughts,
//! calls and their arguments must be the same. `TOLLGATE_RECORDED` names the folder.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::*;
use crate::ir::{BlockKind, Collector, Grammar, Said};

#[derive(Debug, Default, PartialEq)]
struct Plain {
    text: String,
    thoughts: String,
    calls: Vec<(String, Value)>,
}

#[test]
fn recorded_replies_read_as_a_plain_reader_reads_them() {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        eprintln!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        return;
    };
    let mut files = Vec::new();
    below(&Path::new(&folder).join("gemini"), &mut files);
    assert!(files.len() > 10, "only {} files", files.len());
    files.iter().for_each(|file| check(file));
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, files),
            false => files.push(path),
        }
    }
}

fn check(file: &Path) {
    let written = std::fs::read_to_string(file).unwrap();
    let chunks: Vec<&str> = match file.to_string_lossy().ends_with(".chunks.txt") {
        true => written
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect(),
        false => vec![&written],
    };
    let values: Vec<Value> = chunks
        .iter()
        .map(|chunk| serde_json::from_str(chunk).unwrap())
        .collect();
    assert_eq!(ours(&chunks), plain(&values), "{}", file.display());
}

fn ours(chunks: &[&str]) -> Plain {
    let mut decoder = Decoder::new(Quirks::NONE, "r");
    let (mut grammar, mut collector) = (Grammar::default(), Collector::default());
    let mut each = |event: Event<'_>| {
        grammar.see(&event).unwrap();
        assert!(collector.take(&event));
        if let Event::Open {
            kind: BlockKind::Tool { id, .. },
            ..
        } = event
        {
            assert!(id.len() <= 40, "{id}");
        }
    };
    for chunk in chunks {
        let piece = Piece {
            name: b"",
            json: chunk.as_bytes(),
            whole: chunks.len() == 1,
        };
        decoder.push(piece, &mut each);
    }
    decoder.finish(&mut each);
    let mut plain = Plain::default();
    for said in collector.reply().choices.iter().flat_map(|one| &one.said) {
        match said {
            Said::Text { text, .. } => plain.text += text,
            Said::Reasoning { text, .. } => plain.thoughts += text,
            Said::Tool { name, args, .. } => {
                plain
                    .calls
                    .push((name.clone(), serde_json::from_str(args).unwrap()));
            }
            _ => {}
        }
    }
    plain
}

fn plain(chunks: &[Value]) -> Plain {
    let mut plain = Plain::default();
    let parts = chunks
        .iter()
        .filter_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array());
    for part in parts.flatten() {
        let text = part["text"].as_str().unwrap_or_default();
        match part["thought"] == true {
            true => plain.thoughts += text,
            false => plain.text += text,
        }
        let call = &part["functionCall"];
        if let Some(name) = call["name"].as_str() {
            let none = Value::Object(Map::new());
            let args = call.get("args").cloned().unwrap_or(none);
            plain.calls.push((name.to_owned(), args));
        }
        for piece in call["partialArgs"].as_array().into_iter().flatten() {
            put(&mut plain.calls.last_mut().unwrap().1, piece);
        }
    }
    plain
}

/// Puts a piece where its path says.
fn put(mut at: &mut Value, piece: &Value) {
    let path = piece["jsonPath"].as_str().unwrap().replace(['[', ']'], ".");
    for step in path.split('.').filter(|step| !matches!(*step, "$" | "")) {
        at = match step.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let list = at.as_array_mut().unwrap();
                list.resize(list.len().max(index + 1), Value::Null);
                &mut list[index]
            }
            Err(_) => &mut at[step],
        };
    }
    *at = match piece["stringValue"].as_str() {
        Some(more) => (at.as_str().unwrap_or_default().to_owned() + more).into(),
        None => piece["numberValue"].clone(),
    };
}
