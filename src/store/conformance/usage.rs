//! Sums count every record once, whatever comes twice.

use jiff::{SignedDuration, Timestamp};
use ledger::{Nanos, Record};
use llm::Usage;

use super::record;
use crate::{Bucket, Dimension, MAX_SUMS, Store, Sum, Sums, UsageSearch};

/// A day of its own for each test.
fn day(number: i64) -> Timestamp {
    let day: Timestamp = "2027-03-01T00:00:00Z".parse().unwrap();
    day + SignedDuration::from_hours(24 * number)
}

fn used(id: &str, at: Timestamp, model: &str, token: &str, channel: Option<&str>) -> Record {
    Record {
        at,
        model: model.into(),
        token: token.into(),
        channel: channel.map(Into::into),
        usage: Usage {
            input: 10,
            output: 1,
            ..Usage::default()
        },
        cost: Nanos(5),
        ..record(id, 0)
    }
}

fn sums(
    store: &dyn Store,
    bucket: Bucket,
    by: &[Dimension],
    from: Timestamp,
    days: i64,
) -> Vec<Sum> {
    let search = UsageSearch {
        from,
        to: from + SignedDuration::from_hours(24 * days),
        bucket,
        by: by.to_vec(),
    };
    match store.usage(&search).unwrap() {
        Sums::All(sums) => sums,
        Sums::TooMany => panic!("too many"),
    }
}

pub(super) fn conform(store: &dyn Store) {
    nothing_is_no_sum(store);
    sums_are_told_apart_by_what_is_asked(store);
    hours_and_days_agree(store);
    a_batch_again_counts_nothing(store);
    every_class_is_summed(store);
    what_no_request_can_have_is_cut(store);
    too_many_sums_are_not_told(store);
}

fn nothing_is_no_sum(store: &dyn Store) {
    assert_eq!(sums(store, Bucket::Day, &Dimension::ALL, day(0), 1), []);
    assert_eq!(sums(store, Bucket::Hour, &[], day(0), 1), []);
}

fn sums_are_told_apart_by_what_is_asked(store: &dyn Store) {
    let at = day(1);
    let records = [
        used("u-1", at, "a", "x", Some("c")),
        used("u-2", at, "a", "y", Some("c")),
        used("u-3", at, "b", "x", None),
        used("u-4", at, "A", "x", Some("c")),
    ];
    store.put(&records).unwrap();
    let told = |by: &[Dimension]| -> Vec<(Vec<String>, u64)> {
        let sums = sums(store, Bucket::Day, by, at, 1);
        let names = |sum: &Sum| {
            let names = sum.names.iter().map(|(_, name)| name.clone());
            names.map(|name| name.unwrap_or("-".into())).collect()
        };
        sums.iter().map(|sum| (names(sum), sum.requests)).collect()
    };
    let is = |names: &[&str], requests: u64| {
        (
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
            requests,
        )
    };
    assert_eq!(told(&[]), [is(&[], 4)]);
    assert_eq!(
        told(&[Dimension::Model]),
        [is(&["A"], 1), is(&["a"], 2), is(&["b"], 1)]
    );
    assert_eq!(told(&[Dimension::Channel]), [is(&["-"], 1), is(&["c"], 3)]);
    assert_eq!(
        told(&[Dimension::Token, Dimension::Model]),
        [
            is(&["A", "x"], 1),
            is(&["a", "x"], 1),
            is(&["a", "y"], 1),
            is(&["b", "x"], 1)
        ]
    );
    assert_eq!(told(&[Dimension::User]), [is(&["root"], 4)]);
}

fn hours_and_days_agree(store: &dyn Store) {
    let hour = |n| SignedDuration::from_hours(n);
    let (first, second) = (day(2), day(3));
    let records = [
        used("h-1", first, "m", "t", None),
        used(
            "h-2",
            first + hour(1) - SignedDuration::from_micros(1),
            "m",
            "t",
            None,
        ),
        used("h-3", first + hour(23), "m", "t", None),
        used("h-4", second, "m", "t", None),
    ];
    store.put(&records).unwrap();
    let told = |bucket, days| -> Vec<(Timestamp, u64)> {
        let sums = sums(store, bucket, &[Dimension::Model], first, days);
        sums.iter().map(|sum| (sum.at, sum.requests)).collect()
    };
    assert_eq!(told(Bucket::Day, 2), [(first, 3), (second, 1)]);
    assert_eq!(told(Bucket::Day, 1), [(first, 3)]);
    assert_eq!(
        told(Bucket::Hour, 2),
        [(first, 2), (first + hour(23), 1), (second, 1)]
    );
}

fn a_batch_again_counts_nothing(store: &dyn Store) {
    let at = day(4);
    let batch: Vec<_> = (0..300)
        .map(|n| used(&format!("again-{n}"), at, "m", "t", None))
        .collect();
    store.put(&batch[..100]).unwrap();
    store.put(&batch[..100]).unwrap();
    // Some that are there, some that are not, some twice.
    store.put(&batch[50..200]).unwrap();
    let mixed: Vec<_> = batch.iter().chain(&batch).cloned().collect();
    store.put(&mixed).unwrap();
    let sum = &sums(store, Bucket::Day, &[], at, 1)[0];
    assert_eq!(
        (sum.requests, sum.usage.input, sum.cost),
        (300, 3_000, Nanos(1_500))
    );
    let hour = &sums(store, Bucket::Hour, &[], at, 1)[0];
    assert_eq!(
        (hour.requests, hour.usage, hour.cost),
        (300, sum.usage, sum.cost)
    );
}

fn every_class_is_summed(store: &dyn Store) {
    let at = day(5);
    let twice = ["class-1", "class-2"].map(|id| Record {
        at,
        ..record(id, 0)
    });
    store.put(&twice).unwrap();
    let double = Usage {
        input: 2,
        cache_read: 4,
        cache_write_5m: 6,
        cache_write_1h: 8,
        output: 10,
        reasoning: 12,
        audio_input: 14,
        audio_output: 16,
        image_input: 18,
        image_output: 20,
    };
    assert_eq!(sums(store, Bucket::Day, &[], at, 1)[0].usage, double);
}

/// A row that says so must not make the sums overflow, and keep every later record out.
fn what_no_request_can_have_is_cut(store: &dyn Store) {
    let at = day(6);
    let extreme: Vec<_> = (0..500)
        .map(|n| Record {
            usage: Usage {
                input: u64::MAX,
                ..Usage::default()
            },
            cost: Nanos(if n % 2 == 0 { i64::MAX } else { i64::MIN }),
            ..used(&format!("extreme-{n}"), at, "m", "t", None)
        })
        .collect();
    for part in extreme.chunks(100) {
        store.put(part).unwrap();
    }
    let sum = &sums(store, Bucket::Day, &[], at, 1)[0];
    assert_eq!(
        (sum.requests, sum.usage.input, sum.cost),
        (500, 500 << 40, Nanos::ZERO)
    );
}

fn too_many_sums_are_not_told(store: &dyn Store) {
    let at = day(7);
    let names = |n: usize| format!("model-{n}");
    let many: Vec<_> = (0..=MAX_SUMS)
        .map(|n| used(&format!("many-{n}"), at, &names(n), "t", None))
        .collect();
    for part in many.chunks(500) {
        store.put(part).unwrap();
    }
    let search = UsageSearch {
        from: at,
        to: at + SignedDuration::from_hours(24),
        bucket: Bucket::Day,
        by: vec![Dimension::Model],
    };
    assert_eq!(store.usage(&search).unwrap(), Sums::TooMany);
    let fewer = UsageSearch {
        by: vec![],
        ..search
    };
    assert!(matches!(store.usage(&fewer).unwrap(), Sums::All(sums) if sums.len() == 1));
}
