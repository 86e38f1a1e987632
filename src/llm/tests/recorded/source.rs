//! The recorded replies. The folder is named by `TOLLGATE_RECORDED`; below it lie
//! `{chat,responses,messages,gemini}/<provider>/*.json` (whole replies) and `*.chunks.txt`
//! (streams, one JSON payload a line).

use std::path::{Path, PathBuf};

use llm::Format;
use llm::dialect::Quirks;
use serde_json::Value;

/// Fewer files than this mean that the folder is not the one it should be.
const LEAST_FILES: usize = 150;

/// A reply as a provider gave it.
pub(super) struct Recording {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) quirks: Quirks,
    pub(super) body: Body,
}

pub(super) enum Body {
    Whole(String),
    /// One payload a line. A file may hold the streams of several turns: each is a recording.
    Stream(Vec<String>),
}

/// Every recording, or `None` (and a loud word) where there is no folder. `files` are counted, not
/// streams.
pub(super) fn recordings() -> Option<(usize, Vec<Recording>)> {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        println!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        eprintln!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        return None;
    };
    let (mut files, mut found) = (0, Vec::new());
    for format in Format::ALL {
        for file in files_under(&Path::new(&folder).join(format.as_str())) {
            files += 1;
            read(format, &file, &mut found);
        }
    }
    assert!(
        files >= LEAST_FILES,
        "only {files} files under {}",
        folder.display()
    );
    Some((files, found))
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(format: Format, file: &Path, found: &mut Vec<Recording>) {
    let text = std::fs::read_to_string(file).unwrap();
    // Some providers answer a Responses path with chat chunks; the reader is told the format.
    let chat = text.contains("\"object\":\"chat.completion")
        || text.contains("\"object\": \"chat.completion");
    let format = if format == Format::Responses && chat {
        Format::Chat
    } else {
        format
    };
    let name = file.display().to_string();
    let quirks = if name.contains("xai") {
        Quirks::REASONING_OUTSIDE_OUTPUT
    } else {
        Quirks::NONE
    };
    let bodies = if name.ends_with(".chunks.txt") {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        streams(&lines)
            .into_iter()
            .map(|lines| Body::Stream(owned(lines)))
            .collect()
    } else {
        vec![Body::Whole(text)]
    };
    found.extend(bodies.into_iter().map(|body| Recording {
        name: name.clone(),
        format,
        quirks,
        body,
    }));
}

/// A file may hold the streams of several turns, one after another.
fn streams<'a, 'b>(lines: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let ends = |line: &&str| {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let last = [
            "response.completed",
            "response.incomplete",
            "response.failed",
            "message_stop",
        ];
        value["type"]
            .as_str()
            .is_some_and(|kind| last.contains(&kind))
    };
    lines.split_inclusive(ends).collect()
}

/// The payloads as the provider would have sent them.
pub(super) fn sse(format: Format, lines: &[String]) -> Vec<u8> {
    let mut body = String::new();
    for line in lines {
        if matches!(format, Format::Responses | Format::Messages) {
            let value: Value = serde_json::from_str(line).unwrap_or_default();
            body += &format!("event: {}\n", value["type"].as_str().unwrap_or("message"));
        }
        body += &format!("data: {line}\n\n");
    }
    if format == Format::Chat {
        body += "data: [DONE]\n\n";
    }
    body.into_bytes()
}
