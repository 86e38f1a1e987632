//! What an account has spent is the sum of its records, each counted once, for its key and its user.

use jiff::{SignedDuration, Timestamp};
use ledger::book::{Purse, key_account, user_account};
use ledger::{Nanos, Record};

use super::record;
use crate::Store;

pub(super) fn cost(id: &str, token_id: &str, cost: i64) -> Record {
    Record {
        token_id: token_id.into(),
        cost: Nanos(cost),
        ..record(id, 0)
    }
}

/// Zeros where there is none.
pub(super) fn purse(store: &dyn Store, account: &str) -> Purse {
    let found = store.purses(&[account]).unwrap();
    assert!(found.iter().all(|(name, _)| name == account));
    found.into_iter().next().unwrap_or_default().1
}

fn spent(store: &dyn Store, token_id: &str) -> i64 {
    purse(store, &key_account(token_id)).spent.0
}

pub(super) fn conform(store: &dyn Store) {
    every_record_is_spent_once(store);
    many_accounts_are_found_at_once(store);
    odd_names_have_purses(store);
    sums_outlive_their_records(store);
    absurd_costs_keep_nobody_out(store);
}

fn every_record_is_spent_once(store: &dyn Store) {
    assert_eq!(spent(store, "yaml:spent-a"), 0, "nothing yet");
    let root = purse(store, "user:root");
    let records = [
        cost("spent-1", "yaml:spent-a", 5),
        cost("spent-2", "yaml:spent-b", 7),
        cost("spent-3", "yaml:spent-a", 11),
    ];
    store.put(&records[..2]).unwrap();
    store.put(&records).unwrap();
    store
        .put_of("a node without leases", &records, &[])
        .unwrap();
    assert_eq!(spent(store, "yaml:spent-a"), 16);
    assert_eq!(spent(store, "yaml:spent-b"), 7);
    let now = purse(store, "user:root");
    assert_eq!(now.spent.0 - root.spent.0, 23, "all are root's");
    assert_eq!((now.credited, now.leased), (Nanos::ZERO, Nanos::ZERO));
    assert_eq!(store.purses(&[]).unwrap(), []);
}

fn many_accounts_are_found_at_once(store: &dyn Store) {
    let id = |n: usize| format!("many-{n:05}");
    let records: Vec<_> = (0..1_500)
        .map(|n| cost(&format!("spent-{}", id(n)), &id(n), 1 + n as i64))
        .collect();
    store.put(&records).unwrap();
    let names: Vec<_> = (0..3_000).rev().map(|n| key_account(&id(n))).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let found = store.purses(&names).unwrap();
    assert_eq!(found.len(), 1_500, "those that have spent something");
    for (n, (name, purse)) in (0..1_500).rev().zip(&found) {
        assert_eq!(
            (&**name, purse.spent.0),
            (&*key_account(&id(n)), 1 + n as i64)
        );
    }
}

fn odd_names_have_purses(store: &dyn Store) {
    for (n, name) in super::odd_names().into_iter().enumerate() {
        let record = Record {
            user: name.clone(),
            ..cost(&format!("spent-odd-{n}"), &name, 1_000 + n as i64)
        };
        store.put(std::slice::from_ref(&record)).unwrap();
        for account in [key_account(&name), user_account(&name)] {
            assert_eq!(purse(store, &account).spent, record.cost, "{account:?}");
        }
    }
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

/// A sum too large for its column would keep every later record out.
fn absurd_costs_keep_nobody_out(store: &dyn Store) {
    for n in 0..10 {
        let record = cost(&format!("spent-absurd-{n}"), "yaml:spent-absurd", i64::MAX);
        store.put(&[record]).unwrap();
    }
    assert!(spent(store, "yaml:spent-absurd") > 0);
}
