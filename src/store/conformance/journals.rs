//! A record at a place of a journal is added once, also when its row is gone.

use jiff::{SignedDuration, Timestamp};
use ledger::journal::Place;
use ledger::{Nanos, Record};

use super::Sql;
use super::purses::{cost, purse};
use crate::Store;
use ledger::book::key_account;

/// Before the records of every other test but those of pruning.
const BEGIN: &str = "2020-06-01T00:00:00Z";
const TOKEN: &str = "journals";

pub(super) fn conform(store: &dyn Store, sql: Sql<'_>) {
    what_was_pruned_is_not_added_again(store);
    batches_may_be_cut_anew(store);
    a_row_that_is_there_moves_the_place_on(store);
    journals_do_not_know_each_other(store);
    a_process_that_ended_leaves_nothing(store, sql);
}

/// As many records, each costing 1, and their places.
fn batch(name: &str, numbers: std::ops::Range<i64>) -> (Vec<Record>, Vec<Place>) {
    let at: Timestamp = BEGIN.parse().unwrap();
    let record = |n| Record {
        at: at + SignedDuration::from_secs(n),
        ..cost(&format!("journals-{name}-{n}"), TOKEN, 1)
    };
    let places = numbers.clone().map(|n| Place((1 << 32) + 300 * n));
    (numbers.map(record).collect(), places.collect())
}

fn put(store: &dyn Store, node: &str, numbers: std::ops::Range<i64>) {
    let (records, places) = batch(node, numbers);
    store.put_of(node, &records, &places).unwrap();
}

fn prune(store: &dyn Store) {
    let before = BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24);
    while store.prune(before, 1_000).unwrap() > 0 {}
}

/// What was spent by `work`.
fn spent(store: &dyn Store, work: impl FnOnce()) -> i64 {
    let sum = || purse(store, &key_account(TOKEN)).spent;
    let Nanos(before) = sum();
    work();
    sum().0 - before
}

fn what_was_pruned_is_not_added_again(store: &dyn Store) {
    let all = spent(store, || {
        put(store, "journal-a", 0..10);
        put(store, "journal-a", 0..10);
        prune(store);
        put(store, "journal-a", 0..10);
    });
    assert_eq!(all, 10);
    assert!(store.request("journals-journal-a-3").unwrap().is_none());
    let more = spent(store, || put(store, "journal-a", 10..12));
    assert_eq!(more, 2);
    assert!(store.request("journals-journal-a-11").unwrap().is_some());
}

fn batches_may_be_cut_anew(store: &dyn Store) {
    let all = spent(store, || {
        put(store, "journal-b", 0..4);
        put(store, "journal-b", 4..6);
        prune(store);
        put(store, "journal-b", 0..5);
        put(store, "journal-b", 2..9);
        prune(store);
        put(store, "journal-b", 8..600);
        prune(store);
        put(store, "journal-b", 0..600);
    });
    assert_eq!(all, 600);
}

/// As after an upgrade, or when a record came without a place first.
fn a_row_that_is_there_moves_the_place_on(store: &dyn Store) {
    let (records, _) = batch("journal-c", 0..5);
    let all = spent(store, || {
        store.put_of("journal-c", &records, &[]).unwrap();
        put(store, "journal-c", 0..5);
        prune(store);
        put(store, "journal-c", 0..5);
        put(store, "journal-c", 3..7);
    });
    assert_eq!(all, 7);
}

fn journals_do_not_know_each_other(store: &dyn Store) {
    let all = spent(store, || {
        put(store, "journal-d", 0..5);
        put(store, "journal-e", 0..3);
        put(store, "journal-d", 5..6);
    });
    assert_eq!(all, 9);
}

fn a_process_that_ended_leaves_nothing(store: &dyn Store, sql: Sql<'_>) {
    let known = |node| {
        sql(&format!(
            "SELECT COUNT(*) FROM journals WHERE node = '{node}'"
        ))
    };
    for node in ["journal-a", "journal-b", "journal-c", "journal-d"] {
        assert_eq!(known(node), "1");
        store.ended(node).unwrap();
        assert_eq!(known(node), "0");
    }
    assert_eq!(known("journal-e"), "1");
    store.ended("journal-e").unwrap();
    store.ended("journal-e").unwrap();
}
