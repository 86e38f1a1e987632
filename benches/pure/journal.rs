//! The journal: what holding and settling one request costs its proxy thread.
//!
//! CPU time of that thread: beside it two others sync and read back, and would share its cores.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ledger::journal::{Fsync, HeldRates, Hold, Journal, Options};
use ledger::{Record, Sink, SinkError, Writer};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

/// Takes everything, so that segments come and go as in a gateway.
struct Anything;

impl Sink for Anything {
    fn put(&self, batch: &[Record]) -> Result<(), SinkError> {
        black_box(batch);
        Ok(())
    }
}

fn record() -> Record {
    let record = json!({
        "id": "019ab2c3d4e5f60718293a4b5c6d7e8f", "client_request_id": null,
        "at": "2026-11-21T20:00:00.123456789Z", "user": "root", "token": "ci", "token_id": "yaml:ci",
        "group": "default", "operation": "chat", "client_format": "chat", "upstream_format": "chat",
        "model": "gpt-4o", "upstream_model": "gpt-4o", "channel": "openai-main", "attempts": 1,
        "status": 200, "end": "complete", "stream": true, "first_byte_ms": 210, "duration_ms": 3120,
        "overhead_us": 95, "usage": { "input": 1200, "cache_read": 400, "output": 310 },
        "usage_source": "provider", "cost": "0.005600000", "config": "1-0123456789abcdef",
        "upstream_request_id": "req_0123456789abcdef", "error": null,
    });
    serde_json::from_value(record).expect("the record of the contract")
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.into()
}

fn appends(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options {
        path: folder.path().to_path_buf(),
        fsync: Fsync::Every(Duration::from_millis(20)),
        max: 8 << 30,
    };
    let journal = Journal::open(&options).expect("a journal");
    let writer = Writer::start(Arc::new(Anything), journal, 65_536);
    let record = record();
    let hold = Hold {
        record: record.clone(),
        rates: HeldRates {
            input: 2_500_000_000,
            output: 10_000_000_000,
            request: 0,
            ratio: 1_000_000_000,
        },
    };
    criterion.bench_function("hold and settle", |bencher| {
        bencher.iter_custom(|times| {
            let begun = cpu();
            for _ in 0..times {
                let mut slot = writer.reserve().expect("room");
                let synced = slot.hold(&hold).expect("room");
                slot.write(&record);
                let _at_once = black_box(synced);
            }
            cpu() - begun
        });
    });
    writer.stop();
}

criterion_group!(journal, appends);
criterion_main!(journal);
