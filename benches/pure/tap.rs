//! The answer side: what watching a stream costs per event, and how much of it is framing.

use std::hint::black_box;

use benches::payload::{REPLY_BYTES, chat_reply};
use benches::streams;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llm::dialect::Quirks;
use llm::frame::sse;
use llm::tap::{Framing, Tap, TapOptions};
use llm::{Format, Operation};

const CHUNKS: usize = 1_000;

fn watching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tap");
    let kinds = [
        (Format::Chat, streams::chat(CHUNKS)),
        (Format::Responses, streams::responses(CHUNKS)),
        (Format::Messages, streams::messages(CHUNKS)),
        (Format::Gemini, streams::gemini(CHUNKS)),
    ];
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (format, events) in kinds {
        let pieces: Vec<Bytes> = events.iter().cloned().map(Bytes::from).collect();
        group.bench_function(BenchmarkId::new("stream", format), |bencher| {
            bencher.iter(|| watch(options(format, Framing::Sse), &pieces));
        });
        // What a network makes of it: pieces of one segment each, cut anywhere.
        let segments = segments(&events.concat());
        group.bench_function(BenchmarkId::new("segments", format), |bencher| {
            bencher.iter(|| watch(options(format, Framing::Sse), &segments));
        });
    }
    group.throughput(Throughput::Bytes(REPLY_BYTES as u64));
    let whole = [Bytes::from(chat_reply("gpt-4o", REPLY_BYTES))];
    group.bench_function("whole/chat", |bencher| {
        bencher.iter(|| watch(options(Format::Chat, Framing::Whole), &whole));
    });
    group.finish();
}

fn framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse");
    let events = streams::chat(CHUNKS);
    let pieces: Vec<Bytes> = events.iter().cloned().map(Bytes::from).collect();
    group.throughput(Throughput::Elements(CHUNKS as u64));
    for (name, pieces) in [("events", pieces), ("segments", segments(&events.concat()))] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut reader, mut seen) = (sse::Reader::new(), 0_usize);
                for piece in &pieces {
                    let pushed = reader.push(black_box(piece), |event| seen += event.raw().len());
                    pushed.expect("small events");
                }
                seen
            });
        });
    }
    group.finish();
}

fn options(format: Format, framing: Framing) -> TapOptions {
    TapOptions {
        format,
        operation: Operation::Chat,
        framing,
        quirks: Quirks::NONE,
        hide_usage: format == Format::Chat && framing == Framing::Sse,
    }
}

/// Pushes all pieces; the number of pieces that go on to the client.
fn watch(options: TapOptions, pieces: &[Bytes]) -> usize {
    let (mut tap, mut out, mut handed_on) = (Tap::new(options), Vec::new(), 0);
    for piece in pieces {
        tap.push(black_box(piece), &mut out);
        handed_on += out.len();
        out.clear();
    }
    tap.finish(&mut out);
    handed_on + out.len()
}

fn segments(text: &str) -> Vec<Bytes> {
    const SEGMENT: usize = 1_448;
    text.as_bytes()
        .chunks(SEGMENT)
        .map(Bytes::copy_from_slice)
        .collect()
}

criterion_group!(answer, watching, framing);
criterion_main!(answer);
