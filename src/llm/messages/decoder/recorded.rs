//! Answers that real providers gave, in the folder that `TOLLGATE_RECORDED` names: what they mean
//! as events is what a plain reader of their blocks finds.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::testing::{collected, hear, hear_whole};
use crate::ir::{Reply, Said};

/// Fewer files than this mean that the folder is not the one it should be.
const LEAST_FILES: usize = 40;

/// What an answer says: text, reasoning, and calls with their arguments.
#[derive(Debug, Default, PartialEq)]
struct Meaning {
    text: String,
    reasoning: String,
    calls: Vec<(String, Value)>,
}

impl Meaning {
    fn of(reply: &Reply) -> Meaning {
        let mut meaning = Meaning::default();
        let choice = reply.choices.first();
        for said in choice.map_or(&[][..], |choice| &choice.said) {
            match said {
                Said::Text { text, .. } => meaning.text += text,
                Said::Reasoning { text, .. } => meaning.reasoning += text,
                Said::Tool { name, args, .. } => meaning.call(name, args),
                _ => {}
            }
        }
        meaning
    }

    fn of_blocks(blocks: &Value) -> Meaning {
        let mut meaning = Meaning::default();
        for block in blocks.as_array().into_iter().flatten() {
            meaning.block(block);
        }
        meaning
    }

    /// As an SDK would add the events up, but that what was begun twice counts twice.
    fn of_events(events: &[Value]) -> Meaning {
        let mut meaning = Meaning::default();
        let (mut block, mut json) = (Value::Null, String::new());
        for event in events {
            match event["type"].as_str().unwrap() {
                "message_start" => {
                    meaning.end(&mut block, &mut json);
                    for block in event["message"]["content"].as_array().unwrap() {
                        meaning.block(block);
                    }
                }
                "content_block_start" => {
                    meaning.end(&mut block, &mut json);
                    block = event["content_block"].clone();
                }
                "content_block_delta" => {
                    json += event["delta"]["partial_json"].as_str().unwrap_or("");
                    for key in ["text", "thinking"] {
                        if let Some(more) = event["delta"][key].as_str() {
                            block[key] = format!("{}{more}", block[key].as_str().unwrap()).into();
                        }
                    }
                }
                "content_block_stop" => meaning.end(&mut block, &mut json),
                _ => {}
            }
        }
        meaning
    }

    fn end(&mut self, block: &mut Value, json: &mut String) {
        if !json.is_empty() {
            block["input"] = parsed(json);
            json.clear();
        }
        self.block(&block.take());
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str() {
            Some("text") => self.text += block["text"].as_str().unwrap(),
            Some("thinking") => self.reasoning += block["thinking"].as_str().unwrap(),
            Some("tool_use") => {
                let name = block["name"].as_str().unwrap().to_owned();
                self.calls.push((name, block["input"].clone()));
            }
            _ => {}
        }
    }

    fn call(&mut self, name: &str, args: &str) {
        self.calls.push((name.to_owned(), parsed(args)));
    }
}

fn parsed(args: &str) -> Value {
    serde_json::from_str(args).unwrap_or_else(|_| args.into())
}

#[test]
fn every_recorded_answer_means_what_its_blocks_say() {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        println!("TOLLGATE_RECORDED not set: recorded answers NOT tested");
        return;
    };
    let mut files = 0;
    for file in files_under(&Path::new(&folder).join("messages")) {
        let text = std::fs::read_to_string(&file).unwrap();
        check(&file.display().to_string(), &text);
        files += 1;
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
        let body: Value = serde_json::from_str(text).unwrap();
        let reply = collected(|each| hear_whole(text, each));
        assert_eq!(
            Meaning::of(&reply),
            Meaning::of_blocks(&body["content"]),
            "{name}"
        );
        return;
    }
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    // A file may hold the streams of several turns, one after another.
    for lines in lines.split_inclusive(|line| line.contains(r#""message_stop""#)) {
        let events: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let stream: String = lines
            .iter()
            .map(|line| format!("data: {line}\n\n"))
            .collect();
        let reply = collected(|each| hear(&stream, each));
        assert_eq!(Meaning::of(&reply), Meaning::of_events(&events), "{name}");
    }
}
