//! Translation: requests of 2 KB and of a coding agent, and streams of 200 pieces of text.

use std::hint::black_box;

use benches::pairs::{Pair, agent_turn, events, question};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const CHUNKS: usize = 200;

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convert");
    for pair in Pair::all() {
        for (kind, body) in [
            ("question", question(pair.from)),
            ("agent", agent_turn(pair.from)),
        ] {
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(BenchmarkId::new(kind, name(pair)), |bencher| {
                bencher.iter(|| pair.convert(black_box(&body)).body.len());
            });
        }
    }
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("translate");
    for pair in Pair::all() {
        let events = events(pair.from, CHUNKS);
        let bytes: usize = events.iter().map(Bytes::len).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("stream", name(pair)), |bencher| {
            bencher.iter(|| pair.translate(black_box(&events)));
        });
    }
    group.finish();
}

fn name(pair: Pair) -> String {
    format!("{} to {}", pair.from, pair.to)
}

criterion_group!(transcode, requests, streams);
criterion_main!(transcode);
