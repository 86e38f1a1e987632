//! Replies that real providers gave, read by the tap and by a plain reader of whole JSON values:
//! both must find the same.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "recorded/plain.rs"]
mod plain;
#[path = "recorded/source.rs"]
mod source;

use bytes::Bytes;
use llm::dialect::Quirks;
use llm::tap::{Framing, Report, Tap, TapOptions};
use llm::{Format, Operation};
use plain::Plain;
use serde_json::Value;
use source::{Body, Recording, sse};

#[test]
fn every_recorded_reply_reads_as_a_plain_reader_reads_it() {
    let Some((files, recordings)) = source::recordings() else {
        return;
    };
    recordings.iter().for_each(check);
    println!("{files} recorded replies tested");
}

fn check(recording: &Recording) {
    let Recording {
        name,
        format,
        quirks,
        body,
    } = recording;
    let (format, quirks) = (*format, *quirks);
    match body {
        Body::Stream(lines) => check_stream(name, format, quirks, lines),
        Body::Whole(text) => {
            let value: Value = serde_json::from_str(text).unwrap();
            let plain = plain::whole(format, quirks, &value);
            compare(
                name,
                &through(format, quirks, Framing::Whole, text.as_bytes()),
                &plain,
            );
            let compact = value.to_string();
            compare_text(
                name,
                &through(format, quirks, Framing::Whole, compact.as_bytes()),
                &plain,
            );
        }
    }
}

fn check_stream(name: &str, format: Format, quirks: Quirks, lines: &[String]) {
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
