//! Replies that real providers gave, read by the tap and by a plain reader of whole JSON values:
//! both must find the same. The folder is named by `TOLLGATE_RECORDED`; below it lie
//! `{chat,responses,messages,gemini}/<provider>/*.json` (whole replies) and `*.chunks.txt`
//! (streams, one JSON payload a line).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "recorded/plain.rs"]
mod plain;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use llm::dialect::Quirks;
use llm::tap::{Framing, Report, Tap, TapOptions};
use llm::{Format, Operation};
use plain::Plain;
use serde_json::Value;

/// Fewer files than this mean that the folder is not the one it should be.
const LEAST_FILES: usize = 150;

#[test]
fn every_recorded_reply_reads_as_a_plain_reader_reads_it() {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDED") else {
        println!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        eprintln!("TOLLGATE_RECORDED not set: recorded replies NOT tested");
        return;
    };
    let mut files = 0;
    for format in Format::ALL {
        for file in files_under(&Path::new(&folder).join(format.as_str())) {
            check(format, &file);
            files += 1;
        }
    }
    println!("{files} recorded replies tested");
    assert!(
        files >= LEAST_FILES,
        "only {files} files under {}",
        folder.display()
    );
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

fn check(format: Format, file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    // Some providers answer a Responses path with chat chunks; the tap is told the format.
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
    if name.ends_with(".chunks.txt") {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        for lines in streams(&lines) {
            check_stream(&name, format, quirks, lines);
        }
    } else {
        let value: Value = serde_json::from_str(&text).unwrap();
        let plain = plain::whole(format, quirks, &value);
        compare(
            &name,
            &through(format, quirks, Framing::Whole, text.as_bytes()),
            &plain,
        );
        let compact = value.to_string();
        compare_text(
            &name,
            &through(format, quirks, Framing::Whole, compact.as_bytes()),
            &plain,
        );
    }
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

fn check_stream(name: &str, format: Format, quirks: Quirks, lines: &[&str]) {
    // A line that is not JSON is no event to either reader.
    let values: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let plain = plain::stream(format, quirks, &values);
    compare(
        name,
        &through(format, quirks, Framing::Sse, &sse(format, lines)),
        &plain,
    );
    let compact: Vec<String> = values.iter().map(Value::to_string).collect();
    let compact: Vec<&str> = compact.iter().map(String::as_str).collect();
    compare_text(
        name,
        &through(format, quirks, Framing::Sse, &sse(format, &compact)),
        &plain,
    );
    if format == Format::Gemini {
        let array = format!("[{}]", lines.join(",\r\n"));
        compare(
            name,
            &through(format, quirks, Framing::JsonArray, array.as_bytes()),
            &plain,
        );
    }
}

/// The payloads as the provider would have sent them.
fn sse(format: Format, lines: &[&str]) -> Vec<u8> {
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

/// The report, after the body went through whole, byte by byte and in odd pieces.
fn through(format: Format, quirks: Quirks, framing: Framing, body: &[u8]) -> Report {
    let operation = Operation::Chat;
    let options = TapOptions {
        format,
        operation,
        framing,
        quirks,
        hide_usage: false,
    };
    let mut reports = Vec::new();
    for size in [body.len().max(1), 1, 7, 1399] {
        let mut tap = Tap::new(options);
        let mut out = Vec::new();
        for piece in body.chunks(size) {
            tap.push(&Bytes::copy_from_slice(piece), &mut out);
        }
        tap.finish(&mut out);
        tap.finish(&mut out);
        assert!(out.concat() == body, "bytes changed in pieces of {size}");
        reports.push(tap.report().clone());
    }
    assert!(
        reports.iter().all(|report| *report == reports[0]),
        "the cut changed the report"
    );
    reports.remove(0)
}

fn compare(name: &str, report: &Report, plain: &Plain) {
    assert_eq!(report.usage, plain.usage, "usage of {name}");
    assert_eq!(report.terminal, plain.terminal, "terminal of {name}");
    assert_eq!(report.stop, plain.stop, "stop of {name}");
    assert_eq!(report.tool_calls, plain.tool_calls, "tool calls of {name}");
    assert_eq!(report.fault.is_some(), plain.failed, "fault of {name}");
    assert_eq!(report.model, plain.model, "model of {name}");
    let mut tools = report.tools.clone();
    tools.sort();
    assert_eq!(tools, plain.tools, "hosted tools of {name}");
}

/// Tool arguments that are objects count as they are written, so the plain reader's spelling of
/// them has to be the one that went through.
fn compare_text(name: &str, report: &Report, plain: &Plain) {
    assert_eq!(
        report.output_bytes,
        plain.text.len() as u64,
        "text of {name}"
    );
    assert!(
        plain.text.starts_with(&report.output_sample),
        "sample of {name}"
    );
}
