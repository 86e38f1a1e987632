//! What a token has spent is the sum of its records, each counted once.

use jiff::{SignedDuration, Timestamp};
use ledger::{Nanos, Record};

use super::record;
use crate::Store;

fn cost(id: &str, token_id: &str, cost: i64) -> Record {
    Record {
        token_id: token_id.into(),
        cost: Nanos(cost),
        ..record(id, 0)
    }
}

fn spent(store: &dyn Store, token_id: &str) -> i64 {
    let sums = store.spent(&[token_id]).unwrap();
    sums.iter().map(|(_, sum)| sum.0).sum()
}

pub(super) fn conform(store: &dyn Store) {
    every_record_is_spent_once(store);
    sums_outlive_their_records(store);
    absurd_costs_keep_nobody_out(store);
    every_sum_is_what_its_records_say(store);
}

fn every_record_is_spent_once(store: &dyn Store) {
    assert_eq!(spent(store, "yaml:spent-a"), 0, "nothing yet");
    let records = [
        cost("spent-1", "yaml:spent-a", 5),
        cost("spent-2", "yaml:spent-b", 7),
        cost("spent-3", "yaml:spent-a", 11),
    ];
    store.put(&records[..2]).unwrap();
    store.put(&records).unwrap();
    store.put(&records).unwrap();
    assert_eq!(spent(store, "yaml:spent-a"), 16);
    assert_eq!(spent(store, "yaml:spent-b"), 7);
    let mut both = store
        .spent(&["yaml:spent-b", "yaml:spent-none", "yaml:spent-a"])
        .unwrap();
    both.sort();
    let expected = [
        ("yaml:spent-a".to_string(), Nanos(16)),
        ("yaml:spent-b".to_string(), Nanos(7)),
    ];
    assert_eq!(both, expected);
    assert_eq!(store.spent(&[]).unwrap(), []);
}

fn sums_outlive_their_records(store: &dyn Store) {
    let old = Record {
        at: "2001-01-01T00:00:00Z".parse().unwrap(),
        ..cost("spent-old", "yaml:spent-old", 3)
    };
    store.put(std::slice::from_ref(&old)).unwrap();
    let before: Timestamp = old.at + SignedDuration::from_hours(24);
    while store.prune(before, 100).unwrap() > 0 {}
    assert_eq!(store.request("spent-old").unwrap(), None);
    assert_eq!(spent(store, "yaml:spent-old"), 3);
}

/// Whatever the whole suite did before.
fn every_sum_is_what_its_records_say(store: &dyn Store) {
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.verify(from).unwrap(), []);
}

/// A sum too large for its column would keep every later record out.
fn absurd_costs_keep_nobody_out(store: &dyn Store) {
    for n in 0..10 {
        let record = cost(&format!("spent-absurd-{n}"), "yaml:spent-absurd", i64::MAX);
        store.put(&[record]).unwrap();
    }
    assert!(spent(store, "yaml:spent-absurd") > 0);
}
