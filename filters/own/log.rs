//! A key's newest requests as rows of the original system's log.

use bytes::Bytes;
use config::snapshot::{Ratio, Snapshot};
use ledger::bill::{Price, RATIO_ONE};
use ledger::{Nanos, Record};
use serde::Serialize;

use super::quota::units;

/// Types of rows.
const CONSUMED: u8 = 2;
const FAILED: u8 = 5;
/// A ratio of 1 means 2 USD per million tokens.
const NANOS_PER_RATIO: f64 = 2e9;
const NANOS_PER_USD: f64 = 1e9;
/// Characters of an error that are told: a thousand rows must stay an answer.
const MAX_WORDS: usize = 500;

/// The answer. Its rows have the members and types that tools know; what only the operator may know,
/// or what numbers stand for in the original and names do here, is empty.
#[derive(Serialize)]
struct Rows<'a> {
    success: bool,
    message: &'static str,
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    /// The place in the list, from 1.
    id: usize,
    user_id: u64,
    created_at: i64,
    #[serde(rename = "type")]
    kind: u8,
    content: &'a str,
    username: &'a str,
    token_name: &'a str,
    model_name: &'a str,
    quota: i64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// In seconds.
    use_time: u64,
    is_stream: bool,
    channel: u64,
    channel_name: &'static str,
    token_id: u64,
    group: &'a str,
    ip: &'static str,
    request_id: &'a str,
    /// JSON once more, as text.
    other: String,
}

/// What the bill was made of.
#[derive(Serialize)]
struct Other {
    model_ratio: f64,
    group_ratio: f64,
    completion_ratio: f64,
    cache_tokens: u64,
    cache_ratio: f64,
    cache_creation_tokens: u64,
    /// USD per call; -1 where tokens are paid.
    model_price: f64,
    user_group_ratio: f64,
    /// Milliseconds until the first byte; -1: there was none.
    frt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<u16>,
}

/// Tells `records`, newest first. Records keep what a request cost, not how: ratios are those that the
/// running configuration has for its time, and for users of `user_group`.
pub(super) fn told(snapshot: &Snapshot, user_group: Option<&str>, records: Vec<Record>) -> Bytes {
    let rows = records.iter().enumerate();
    let told = Rows {
        success: true,
        message: "",
        data: rows
            .map(|(at, record)| row(snapshot, user_group, at, record))
            .collect(),
    };
    serde_json::to_vec(&told)
        .expect("texts and finite numbers are JSON")
        .into()
}

fn row<'a>(
    snapshot: &Snapshot,
    user_group: Option<&str>,
    at: usize,
    record: &'a Record,
) -> Row<'a> {
    let failed = record.status >= 400 && record.cost == Nanos::ZERO;
    let words = record.error.as_deref().filter(|_| failed).unwrap_or("");
    let other = other(snapshot, user_group, record, failed);
    Row {
        id: at + 1,
        user_id: 0,
        created_at: record.at.as_second(),
        kind: if failed { FAILED } else { CONSUMED },
        content: &words[..words.floor_char_boundary(MAX_WORDS)],
        username: &record.user,
        token_name: &record.token,
        model_name: &record.model,
        quota: units(record.cost),
        prompt_tokens: record.usage.input,
        completion_tokens: record.usage.output,
        use_time: record.duration_ms.saturating_add(500) / 1_000,
        is_stream: record.stream,
        channel: 0,
        channel_name: "",
        token_id: 0,
        group: &record.group,
        ip: "",
        request_id: &record.id,
        other: serde_json::to_string(&other).expect("finite numbers are JSON"),
    }
}

fn other(snapshot: &Snapshot, user_group: Option<&str>, record: &Record, failed: bool) -> Other {
    let upstream = record.upstream_model.as_deref().unwrap_or("");
    let price = snapshot.prices.price(&record.model, upstream, record.at);
    let ratios = price.map_or(Ratios::FREE, |price| Ratios::of(&price, record.usage.input));
    let usage = &record.usage;
    let ratios_of = user_group.and_then(|group| snapshot.group_ratios.get(group));
    let special = ratios_of.and_then(|ratios| ratios.get(&record.group));
    Other {
        model_ratio: ratios.model,
        group_ratio: part(snapshot.ratio(None, &record.group)),
        completion_ratio: ratios.completion,
        cache_tokens: usage.cache_read,
        cache_ratio: ratios.cache,
        cache_creation_tokens: usage.cache_write_5m.saturating_add(usage.cache_write_1h),
        model_price: ratios.call,
        user_group_ratio: special.copied().map_or(-1.0, part),
        frt: record
            .first_byte_ms
            .map_or(-1, |ms| i64::try_from(ms).unwrap_or(i64::MAX)),
        status_code: failed.then_some(record.status),
    }
}

fn part(ratio: Ratio) -> f64 {
    ratio.0 as f64 / RATIO_ONE as f64
}

/// A price as the original writes it.
struct Ratios {
    /// Input, by 2 USD per million tokens.
    model: f64,
    /// Output, by input.
    completion: f64,
    /// Input from a cache, by input.
    cache: f64,
    /// USD per call; -1 where tokens are paid.
    call: f64,
}

impl Ratios {
    const FREE: Ratios = Ratios {
        model: 0.0,
        completion: 0.0,
        cache: 0.0,
        call: -1.0,
    };

    fn of(price: &Price, input_tokens: u64) -> Ratios {
        let rates = price.rates_for(input_tokens).copied().unwrap_or_default();
        let paid = rates.input > 0 || rates.output > 0;
        if price.request > 0 && !paid {
            let call = price.request as f64 / NANOS_PER_USD;
            return Ratios {
                call,
                ..Ratios::FREE
            };
        }
        let input = rates.input as f64;
        let by_input = |rate: i64| match rates.input > 0 {
            true => rate as f64 / input,
            false => 0.0,
        };
        Ratios {
            model: input / NANOS_PER_RATIO,
            completion: by_input(rates.output),
            cache: by_input(rates.cache_read.unwrap_or(rates.input)),
            call: -1.0,
        }
    }
}
