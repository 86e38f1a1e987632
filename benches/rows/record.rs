//! Records like those of a busy gateway: 20 keys, 6 models and 4 channels, unevenly used.

use jiff::Timestamp;
use ledger::{End, Nanos, Record, UsageSource};
use llm::{Format, Operation, Usage};

/// When the first record happens, in microseconds since 1970.
pub(crate) const BEGIN_US: i64 = 1_760_000_000_000_000;

/// The `n`th record, at that many microseconds since 1970.
pub(crate) fn record(n: u64, at_us: i64) -> Record {
    // A full-period generator: the same records in every run.
    let random = n
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let pick = |shift: u32, among: u64| (random >> shift) % among;
    let uneven = |shift, among| pick(shift, among).min(pick(shift + 7, among));
    let model = format!("gpt-4o-{}", uneven(20, 6));
    Record {
        // As version 7 UUIDs are: ordered by time first.
        id: uuid(at_us, random),
        client_request_id: None,
        at: Timestamp::from_microsecond(at_us).unwrap_or_default(),
        user: "root".into(),
        token: format!("team-{}", uneven(30, 20)),
        token_id: "yaml:team".into(),
        group: "default".into(),
        operation: Operation::Chat,
        client_format: Format::Messages,
        upstream_format: Some(Format::Chat),
        upstream_model: Some(model.clone()),
        model,
        channel: Some(format!("openai-{}", uneven(40, 4))),
        attempts: 1,
        status: 200,
        end: End::Complete,
        stream: true,
        first_byte_ms: Some(210),
        duration_ms: 3_120,
        overhead_us: 95,
        usage: Usage {
            input: pick(10, 5_000),
            output: pick(14, 1_000),
            ..Usage::default()
        },
        usage_source: UsageSource::Provider,
        cost: Nanos(5_600_000),
        config: "1-0123456789abcdef".into(),
        upstream_request_id: Some(format!("chatcmpl-{random:016x}")),
        error: None,
    }
}

fn uuid(at_us: i64, random: u64) -> String {
    let ms = at_us / 1_000;
    let (high, low) = (ms >> 16, ms & 0xffff);
    let tail = random & 0xffff_ffff_ffff;
    format!(
        "{high:08x}-{low:04x}-7{:03x}-8{:03x}-{tail:012x}",
        at_us % 1_000,
        random >> 52
    )
}
