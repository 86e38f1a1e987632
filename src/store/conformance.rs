//! What every store must do, whatever its database: one suite, run against each of them.

#![allow(clippy::unwrap_used)]

mod accounts;
mod audit;
mod book;
mod journals;
mod leases;
mod pruning;
mod purses;
pub(crate) mod race;
mod texts;
pub(crate) mod upgrade;
mod usage;

pub(crate) use self::book::{deed, entry};

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::journal::{Fsync, Options};
use ledger::{End, Journal, Nanos, Record, Sink, UsageSource, Writer};
use llm::{Format, Operation, Usage};

use crate::{Cursor, MAX_PAGE, Search, Store};

/// Runs a statement on the store beside it, and returns the first value of its first row.
pub(crate) type Sql<'a> = &'a dyn Fn(&str) -> String;

/// Runs the suite against an empty store.
pub(crate) fn store_conformance(store: &dyn Store, sql: Sql<'_>) {
    store.ping().unwrap();
    assert_eq!(store.requests(&Search::default()).unwrap().items, []);
    store.put(&[]).unwrap();

    what_is_put_comes_back(store);
    a_second_put_changes_nothing(store);
    pages_meet_without_gap_or_overlap(store);
    filters_narrow_the_list(store);
    bounds_of_time_are_half_open(store);
    limits_are_kept_in_bounds(store);
    texts::conform(store);
    usage::conform(store);
    purses::conform(store);
    pruning::conform(store);
    accounts::conform(store, sql);
    audit::conform(store);
    book::conform(store, sql);
    leases::conform(store, sql);
    journals::conform(store, sql);
    every_sum_is_what_its_rows_say(store);
}

/// Whatever the whole suite did before.
fn every_sum_is_what_its_rows_say(store: &dyn Store) {
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.verify(from).unwrap(), []);
}

/// Names that nobody should have.
fn odd_names() -> Vec<String> {
    vec![
        "o'hara \"x\" `y`".into(),
        "'; DELETE FROM purses; --".into(),
        "nul \0 inside".into(),
        "100% _ of ?".into(),
        "user:key:☂".into(),
        "n".repeat(300),
        "☂".repeat(300),
    ]
}

/// The documented example, at this many microseconds after 2026-11-21.
pub(crate) fn record(id: &str, at_us: i64) -> Record {
    Record {
        id: id.into(),
        client_request_id: None,
        at: time(at_us),
        user: "root".into(),
        token: "ci".into(),
        token_id: "yaml:ci".into(),
        group: "default".into(),
        operation: Operation::Chat,
        client_format: Format::Messages,
        upstream_format: Some(Format::Chat),
        model: "gpt-4o".into(),
        upstream_model: Some("gpt-4o-2024-11-20".into()),
        channel: Some("openai-main".into()),
        attempts: 1,
        status: 200,
        end: End::Complete,
        stream: true,
        first_byte_ms: Some(210),
        duration_ms: 3120,
        overhead_us: 95,
        usage: Usage {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            output: 5,
            reasoning: 6,
            audio_input: 7,
            audio_output: 8,
            image_input: 9,
            image_output: 10,
        },
        usage_source: UsageSource::Provider,
        cost: Nanos(5_600_000),
        config: "1-abc".into(),
        upstream_request_id: Some("req_1".into()),
        error: None,
    }
}

fn time(us: i64) -> Timestamp {
    let day: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    day + SignedDuration::from_micros(us)
}

fn what_is_put_comes_back(store: &dyn Store) {
    let full = record("full", 123_456);
    let bare = Record {
        client_request_id: Some("c-1".into()),
        operation: Operation::Count,
        client_format: Format::Gemini,
        upstream_format: None,
        upstream_model: None,
        channel: None,
        attempts: 0,
        status: 499,
        end: End::ClientGone,
        stream: false,
        first_byte_ms: None,
        usage: Usage::default(),
        usage_source: UsageSource::None,
        cost: Nanos::ZERO,
        upstream_request_id: None,
        error: Some("Zeile 1\n\"Zeile\" 2 – ☂".into()),
        ..record("bare", 5)
    };
    let extreme = Record {
        attempts: u32::MAX,
        status: u16::MAX,
        cost: Nanos(i64::MIN),
        duration_ms: u64::MAX,
        ..record("extreme", 6)
    };
    store
        .put(&[full.clone(), bare.clone(), extreme.clone()])
        .unwrap();
    assert_eq!(store.request("full").unwrap().unwrap(), full);
    assert_eq!(store.request("bare").unwrap().unwrap(), bare);
    let clamped = Record {
        duration_ms: i64::MAX.unsigned_abs(),
        ..extreme
    };
    assert_eq!(store.request("extreme").unwrap().unwrap(), clamped);
    assert_eq!(store.request("nobody").unwrap(), None);

    let mut ends = vec![];
    for end in [
        End::UpstreamCut,
        End::UpstreamError,
        End::Refused,
        End::GatewayLost,
    ] {
        ends.push(Record {
            end,
            ..record(&format!("end-{}", end.as_str()), 7)
        });
    }
    for usage_source in [UsageSource::Estimated, UsageSource::Mixed] {
        let id = format!("source-{}", usage_source.as_str());
        ends.push(Record {
            usage_source,
            ..record(&id, 7)
        });
    }
    for upstream_format in Format::ALL {
        let id = format!("format-{upstream_format}");
        ends.push(Record {
            upstream_format: Some(upstream_format),
            ..record(&id, 7)
        });
    }
    store.put(&ends).unwrap();
    for record in ends {
        assert_eq!(store.request(&record.id).unwrap(), Some(record));
    }
}

fn a_second_put_changes_nothing(store: &dyn Store) {
    let first = record("twice", 8);
    let other = Record {
        cost: Nanos(1),
        ..first.clone()
    };
    store.put(std::slice::from_ref(&first)).unwrap();
    // Beside a new record, and twice in the same batch.
    store
        .put(&[other.clone(), record("beside", 8), other])
        .unwrap();
    assert_eq!(store.request("twice").unwrap().unwrap(), first);
    assert!(store.request("beside").unwrap().is_some());
}

fn pages_meet_without_gap_or_overlap(store: &dyn Store) {
    // Three times of 7 records each: pages of 4 end inside equal times.
    let records: Vec<_> = (0..21)
        .map(|n| Record {
            token: "paged".into(),
            ..record(&format!("page-{:02}", n), 1_000 + n / 7)
        })
        .collect();
    store.put(&records).unwrap();
    let mut expected: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    expected.reverse();

    for limit in [1, 4, 7, 20, 21, 22] {
        let mut search = Search {
            token: Some("paged".into()),
            limit,
            ..Search::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = store.requests(&search).unwrap();
            assert!(page.items.len() <= limit && !page.items.is_empty());
            seen.extend(page.items.into_iter().map(|record| record.id));
            // What is added meanwhile at the new end does not move what is still to come.
            let Some(next) = page.next else { break };
            search.cursor = Some(next.to_string().parse::<Cursor>().unwrap());
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
}

fn filters_narrow_the_list(store: &dyn Store) {
    for (n, (token, model, channel)) in [
        ("fa", "ma", Some("ca")),
        ("fa", "mb", Some("cb")),
        ("fb", "ma", Some("cb")),
        ("fb", "mb", None),
    ]
    .into_iter()
    .enumerate()
    {
        let record = Record {
            token: token.into(),
            model: model.into(),
            channel: channel.map(Into::into),
            ..record(&format!("filter-{n}"), 2_000)
        };
        store.put(&[record]).unwrap();
    }
    let check = |token: &str, model: &str, channel: &str, expected: &[&str]| {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let search = Search {
            token: given(token),
            model: given(model),
            channel: given(channel),
            after: Some(time(2_000)),
            ..Search::default()
        };
        assert_eq!(
            ids(store, &search),
            as_set(expected),
            "{token} {model} {channel}"
        );
    };
    check("fa", "", "", &["filter-0", "filter-1"]);
    check("", "ma", "", &["filter-0", "filter-2"]);
    check("", "", "cb", &["filter-1", "filter-2"]);
    check("fb", "mb", "", &["filter-3"]);
    check("fa", "ma", "ca", &["filter-0"]);
    check("fa", "ma", "cb", &[]);
    check("FA", "", "", &[]);

    let namesake = Record {
        token: "fa".into(),
        token_id: "another".into(),
        ..record("filter-namesake", 2_000)
    };
    store.put(&[namesake]).unwrap();
    let search = Search {
        token: Some("fa".into()),
        token_id: Some("another".into()),
        ..Search::default()
    };
    assert_eq!(ids(store, &search), as_set(&["filter-namesake"]));
}

fn bounds_of_time_are_half_open(store: &dyn Store) {
    let records: Vec<_> = (0..4)
        .map(|n| Record {
            token: "timed".into(),
            ..record(&format!("time-{n}"), 3_000 + n)
        })
        .collect();
    store.put(&records).unwrap();
    let between = |after, before| {
        let search = Search {
            token: Some("timed".into()),
            after,
            before,
            ..Search::default()
        };
        ids(store, &search)
    };
    let (one, three) = (time(3_001), time(3_003));
    assert_eq!(
        between(Some(one), Some(three)),
        as_set(&["time-1", "time-2"])
    );
    assert_eq!(between(Some(three), None), as_set(&["time-3"]));
    assert_eq!(between(None, Some(one)), as_set(&["time-0"]));
    assert_eq!(between(Some(three), Some(one)), as_set(&[]));
    // A bound finer than a row's time.
    let past_one = one + SignedDuration::from_nanos(1);
    assert_eq!(between(Some(past_one), Some(three)), as_set(&["time-2"]));
    assert_eq!(between(Some(one), Some(past_one)), as_set(&["time-1"]));
}

fn limits_are_kept_in_bounds(store: &dyn Store) {
    let many: Vec<_> = (0..MAX_PAGE as i64 + 5)
        .map(|n| record(&format!("many-{n:05}"), 10_000 + n))
        .collect();
    store.put(&many).unwrap();
    for (limit, expected) in [(0, 1), (1, 1), (usize::MAX, MAX_PAGE)] {
        let search = Search {
            limit,
            ..Search::default()
        };
        let page = store.requests(&search).unwrap();
        assert_eq!(page.items.len(), expected, "limit {limit}");
        assert!(page.next.is_some());
    }
}

fn ids(store: &dyn Store, search: &Search) -> BTreeSet<String> {
    let page = store.requests(search).unwrap();
    page.items.into_iter().map(|record| record.id).collect()
}

fn as_set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// A writer whose journal is in `folder`, too.
pub(crate) fn writer(folder: &Path, store: &Arc<dyn Store>, capacity: usize) -> Writer {
    let journal = Journal::open(&Options {
        path: folder.join("journal"),
        fsync: Fsync::Every(Duration::from_millis(20)),
        max: 1 << 30,
    });
    Writer::start(
        Arc::clone(store) as Arc<dyn Sink>,
        journal.unwrap(),
        capacity,
    )
}
