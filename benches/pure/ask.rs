//! The request side: what reading and preparing a body costs, small and large.

use std::hint::black_box;

use benches::payload::{LARGE_BYTES, REQUEST_BYTES, chat_request};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llm::ask::{self, Ask};
use llm::dialect::Quirks;
use llm::prepare::{Prepare, prepare};
use llm::{Format, Operation};

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ask");
    for bytes in [REQUEST_BYTES, LARGE_BYTES] {
        let body = Bytes::from(chat_request("gpt-4o", true, bytes));
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("read", bytes), |bencher| {
            bencher.iter(|| read(black_box(&body)));
        });
        // Beside it the same check by serde_json, which learns nothing of the request.
        group.bench_function(BenchmarkId::new("serde_json", bytes), |bencher| {
            bencher.iter(|| {
                serde_json::from_slice::<&serde_json::value::RawValue>(black_box(&body)).is_ok()
            });
        });
    }
    group.finish();
}

fn preparing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepare");
    for bytes in [REQUEST_BYTES, LARGE_BYTES] {
        let body = Bytes::from(chat_request("gpt-4o", true, bytes));
        let ask = read(&body);
        group.throughput(Throughput::Bytes(bytes as u64));
        for (name, model) in [
            ("usage", "gpt-4o"),
            ("usage and model", "gpt-4o-2024-11-20"),
        ] {
            group.bench_function(BenchmarkId::new(name, bytes), |bencher| {
                let wanted = Prepare {
                    format: Format::Chat,
                    operation: Operation::Chat,
                    ask: &ask,
                    model,
                    quirks: Quirks::NONE,
                    wish: None,
                    ask_usage: true,
                    remove: &[],
                    default: &[],
                    set: &[],
                    system_prompt: "",
                };
                bencher.iter(|| prepare(black_box(&body), &wanted).expect("a valid request"));
            });
        }
    }
    group.finish();
}

fn read(body: &[u8]) -> Ask {
    ask::read(Format::Chat, Operation::Chat, body).expect("a valid request")
}

criterion_group!(request, reading, preparing);
criterion_main!(request);
