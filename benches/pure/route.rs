//! Routing: what choosing the candidates costs with few and with many channels.

use std::hint::black_box;

use config::health::{LaneBook, Tick};
use config::plan::{Wanted, plan};
use config::{Snapshot, Sources, compile};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use llm::{Format, Operation};
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// Of all channels, every tenth serves the asked model, in two tiers.
const SERVING: usize = 10;

fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for channels in [10, 1_000] {
        let snapshot = snapshot(channels);
        let mut rng = SmallRng::seed_from_u64(7);
        let wanted = Wanted {
            group: "default",
            user_group: None,
            model: "model-0",
            format: Format::Chat,
            operation: Operation::Chat,
            thinks_with_tools: false,
        };
        group.bench_function(BenchmarkId::new("channels", channels), |bencher| {
            bencher.iter(|| plan(&snapshot, black_box(&wanted), Tick::now(), &mut rng).is_ok());
        });
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for channels in [10, 1_000] {
        group.bench_function(BenchmarkId::new("channels", channels), |bencher| {
            bencher.iter(|| snapshot(black_box(channels)).number);
        });
    }
    group.finish();
}

fn snapshot(channels: usize) -> Snapshot {
    let rows: String = (0..channels)
        .map(|index| {
            format!(
                "  - {{ name: c{index}, provider: openai, keys: [sk-{index}], models: [model-{}, \"family-{}*\"], priority: {}, weight: {} }}\n",
                index % SERVING,
                index % 7,
                index / SERVING % 2,
                1 + index % 5
            )
        })
        .collect();
    let sources = Sources::from_text(&format!("channels:\n{rows}"), &|_| None);
    let sources = sources.unwrap_or_else(|problems| panic!("unreadable: {problems:?}"));
    compile(&sources, &LaneBook::new(), 1).unwrap_or_else(|problems| panic!("{problems:?}"))
}

criterion_group!(route, planning, compiling);
criterion_main!(route);
