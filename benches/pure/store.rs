//! The embedded store: what keeping a batch of records costs, with the usage it sums up.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

#[path = "../rows/record.rs"]
mod record;

/// What the writer's 50 ms gather at 2,000 requests a second.
const BATCH: u64 = 100;

/// The `n`th record of a gateway that takes 2,000 a second.
fn newest(n: u64) -> ledger::Record {
    record::record(n, record::BEGIN_US + n as i64 * 500)
}

fn batches(criterion: &mut Criterion) {
    let folder = TempDir::new().expect("a folder");
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    let store = store::open(&url).expect("a store");
    let mut next = 0;
    let mut group = criterion.benchmark_group("sqlite");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("put 100", |bencher| {
        bencher.iter_batched(
            || {
                let first = next;
                next += BATCH;
                (first..next).map(newest).collect::<Vec<_>>()
            },
            |batch| store.put(&batch).expect("kept"),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(store_bench, batches);
criterion_main!(store_bench);
