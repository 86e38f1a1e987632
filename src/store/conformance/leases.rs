//! Nodes take what there is and no more, and what they took comes back: spent, given or expired.

use std::slice;

use ledger::book::{key_account, user_account};
use ledger::lease::{Ceiling, Taken, Want};
use ledger::{Nanos, Record};

use super::book::{deed, entry, user};
use super::purses::{cost, purse};
use super::{Sql, record};
use crate::{Posted, Store};

pub(super) fn conform(store: &dyn Store, sql: Sql<'_>) {
    a_node_takes_what_is_free(store, sql);
    a_budget_needs_no_purse(store);
    records_are_taken_off_the_lease_of_their_node_once(store);
    what_a_node_does_not_need_is_given_back(store);
    a_node_that_ended_has_nothing(store);
    what_nobody_renews_expires(store, sql);
    odd_names_have_leases(store);
}

fn want<'a>(node: &'a str, account: &'a str, ceiling: Ceiling, need: i64) -> Want<'a> {
    Want {
        node,
        account,
        ceiling,
        need: Nanos(need),
        slice: Nanos(100),
    }
}

/// A lease of a budget of 1,000, a hundred at a time.
fn take(store: &dyn Store, node: &str, account: &str, need: i64) -> Taken {
    let budget = Ceiling::Budget(Nanos(1_000));
    store.lease(&want(node, account, budget, need)).unwrap()
}

fn leased(amount: i64) -> Taken {
    Taken::Lease(Nanos(amount))
}

fn short(free: i64, elsewhere: i64) -> Taken {
    Taken::Short {
        free: Nanos(free),
        elsewhere: Nanos(elsewhere),
    }
}

fn renewed(store: &dyn Store, node: &str) -> Vec<(String, i64)> {
    let leases = store.renew(node).unwrap().into_iter();
    leases
        .map(|(account, amount)| (account, amount.0))
        .collect()
}

fn spent_and_leased(store: &dyn Store, account: &str) -> (i64, i64) {
    let purse = purse(store, account);
    (purse.spent.0, purse.leased.0)
}

fn a_node_takes_what_is_free(store: &dyn Store, sql: Sql<'_>) {
    let account = user_account("lease-a");
    let take = |node, need| {
        let want = want(node, &account, Ceiling::Credited, need);
        store.lease(&want).unwrap()
    };
    assert_eq!(take("lease-n1", 1), short(0, 0), "nobody was credited");
    user(sql, "lease-a");
    let top_up = entry("lease-top-up", "lease-a", 200);
    assert_eq!(
        store.post(&top_up, &deed("lease-top-up")).unwrap(),
        Posted::New
    );
    assert_eq!(take("lease-n1", 1), leased(50), "a quarter");
    assert_eq!(take("lease-n2", 70), leased(70), "the need");
    assert_eq!(take("lease-n2", 81), short(80, 50));
    assert_eq!(take("lease-n3", 81), short(80, 120));
    assert_eq!(take("lease-n1", 80), leased(80), "all of it");
    assert_eq!(take("lease-n3", 1), short(0, 200));
    assert_eq!(renewed(store, "lease-n1"), [(account.clone(), 130)]);
    assert_eq!(renewed(store, "lease-n2"), [(account.clone(), 70)]);
    assert_eq!(renewed(store, "lease-n3"), []);
    let debit = entry("lease-debit", "lease-a", -300);
    assert_eq!(
        store.post(&debit, &deed("lease-debit")).unwrap(),
        Posted::New
    );
    assert_eq!(
        take("lease-n3", 1),
        short(0, 200),
        "less than nothing is nothing"
    );
    assert_eq!(take("lease-n3", 0), short(0, 200));
}

fn a_budget_needs_no_purse(store: &dyn Store) {
    let account = key_account("lease-b");
    assert_eq!(store.purses(&[&account]).unwrap(), []);
    assert_eq!(take(store, "lease-n1", &account, 1_001), short(1_000, 0));
    assert_eq!(store.purses(&[&account]).unwrap(), [], "nothing was taken");
    assert_eq!(take(store, "lease-n1", &account, 1), leased(100));
    assert_eq!(spent_and_leased(store, &account), (0, 100));
    let endless = want("lease-n1", &account, Ceiling::Budget(Nanos::MAX), i64::MAX);
    assert_eq!(store.lease(&endless).unwrap(), short(i64::MAX - 100, 0));
    let negative = want("lease-n1", &account, Ceiling::Budget(Nanos(-5)), 1);
    assert_eq!(store.lease(&negative).unwrap(), short(0, 0));
}

fn records_are_taken_off_the_lease_of_their_node_once(store: &dyn Store) {
    let account = key_account("lease-c");
    assert_eq!(take(store, "lease-n4", &account, 1), leased(100));
    assert_eq!(take(store, "lease-n5", &account, 1), leased(100));
    let check = |expected, n4, n5| {
        assert_eq!(spent_and_leased(store, &account), expected);
        let lease = |rest: i64| Some((account.clone(), rest)).filter(|_| rest > 0);
        assert!(renewed(store, "lease-n4").into_iter().eq(lease(n4)));
        assert!(renewed(store, "lease-n5").into_iter().eq(lease(n5)));
    };
    let records = [
        cost("lease-c-1", "lease-c", 30),
        cost("lease-c-2", "lease-c", 5),
    ];
    store.put_of("lease-n4", &records[..1], &[]).unwrap();
    check((30, 170), 70, 100);
    store.put_of("lease-n4", &records, &[]).unwrap();
    store.put_of("lease-n5", &records, &[]).unwrap();
    check((35, 165), 65, 100);
    store.put(&[cost("lease-c-3", "lease-c", 2)]).unwrap();
    check((37, 165), 65, 100);
    let refund = cost("lease-c-4", "lease-c", -2);
    store
        .put_of("lease-n4", slice::from_ref(&refund), &[])
        .unwrap();
    check((35, 165), 65, 100);
    // More than it had: the rest is spent all the same.
    let dear = [
        cost("lease-c-5", "lease-c", 40),
        cost("lease-c-6", "lease-c", 40),
    ];
    store.put_of("lease-n4", &dear, &[]).unwrap();
    check((115, 100), 0, 100);
    store
        .put_of("lease-n4", &[cost("lease-c-7", "lease-c", 1)], &[])
        .unwrap();
    check((116, 100), 0, 100);
    assert_eq!(take(store, "lease-n4", &account, 1), leased(100));
    check((116, 200), 100, 100);
    many_leases_in_one_batch(store);
}

/// The user's too, and more of them than one statement takes.
fn many_leases_in_one_batch(store: &dyn Store) {
    const COUNT: i64 = 150;
    let id = |n| format!("lease-many-{n:03}");
    let mut records = Vec::new();
    for n in 0..COUNT {
        for account in [key_account(&id(n)), user_account(&id(n))] {
            assert_eq!(take(store, "lease-n6", &account, 1), leased(100));
        }
        records.extend((0..2).map(|twice| Record {
            user: id(n),
            ..cost(&format!("{}-{twice}", id(n)), &id(n), n)
        }));
    }
    store.put_of("lease-n6", &records, &[]).unwrap();
    store.put_of("lease-n6", &records, &[]).unwrap();
    for n in 0..COUNT {
        for account in [key_account(&id(n)), user_account(&id(n))] {
            let rest = (100 - 2 * n).max(0);
            assert_eq!(spent_and_leased(store, &account), (2 * n, rest), "{n}");
        }
    }
    assert_eq!(renewed(store, "lease-n6").len(), 100);
    store.ended("lease-n6").unwrap();
    assert_eq!(renewed(store, "lease-n6"), []);
    assert_eq!(spent_and_leased(store, &key_account(&id(3))), (6, 0));
}

fn what_a_node_does_not_need_is_given_back(store: &dyn Store) {
    let account = key_account("lease-d");
    assert_eq!(take(store, "lease-n7", &account, 1), leased(100));
    let give =
        |node: &str, account: &str, amount| store.give_back(node, account, Nanos(amount)).unwrap();
    assert!(!give("lease-n7", &account, 101));
    assert!(!give("lease-n8", &account, 1), "it has none");
    assert!(!give("lease-n7", &key_account("lease-none"), 1));
    assert!(!give("lease-n7", &account, -1), "that would be taking");
    assert_eq!(spent_and_leased(store, &account), (0, 100));
    assert!(give("lease-n7", &account, 60));
    assert!(give("lease-n7", &account, 0));
    assert_eq!(spent_and_leased(store, &account), (0, 40));
    assert!(!give("lease-n7", &account, 41));
    assert!(give("lease-n7", &account, 40));
    assert_eq!(spent_and_leased(store, &account), (0, 0));
    assert_eq!(renewed(store, "lease-n7"), []);
}

fn a_node_that_ended_has_nothing(store: &dyn Store) {
    let accounts: Vec<_> = (0..200)
        .map(|n| key_account(&format!("lease-e-{n:03}")))
        .collect();
    for account in &accounts {
        assert_eq!(take(store, "lease-n9", account, 1), leased(100));
    }
    assert_eq!(take(store, "lease-n10", &accounts[7], 1), leased(100));
    store.ended("lease-n9").unwrap();
    store.ended("lease-n9").unwrap();
    store.ended("").unwrap();
    assert_eq!(renewed(store, "lease-n9"), []);
    assert_eq!(renewed(store, "lease-n10"), [(accounts[7].clone(), 100)]);
    assert_eq!(spent_and_leased(store, &accounts[7]), (0, 100));
    assert_eq!(spent_and_leased(store, &accounts[199]), (0, 0));
    // What it made and nobody had brought until then is spent, and taken off nothing.
    let late = cost("lease-e-late", "lease-e-007", 5);
    store.put_of("lease-n9", &[late], &[]).unwrap();
    assert_eq!(spent_and_leased(store, &accounts[7]), (5, 100));
}

fn what_nobody_renews_expires(store: &dyn Store, sql: Sql<'_>) {
    let [first, second] = ["lease-f", "lease-g"].map(key_account);
    let age = |node: &str, seconds: i64| {
        sql(&format!(
            "UPDATE leases SET expires_at = expires_at - {} WHERE node = '{node}'",
            seconds * 1_000_000
        ))
    };
    assert_eq!(store.expire().unwrap(), 0, "all are new");
    assert_eq!(take(store, "lease-n15", &first, 1), leased(100));
    let end = sql("SELECT expires_at FROM leases WHERE node = 'lease-n15'");
    let end = jiff::Timestamp::from_microsecond(end.parse().unwrap()).unwrap();
    let left = end.duration_since(jiff::Timestamp::now()).as_secs_f64();
    assert!(
        (25.0..=30.1).contains(&left),
        "in microseconds of UTC: {left}"
    );
    store.ended("lease-n15").unwrap();
    for (node, account) in [
        ("lease-n11", &first),
        ("lease-n12", &first),
        ("lease-n11", &second),
    ] {
        assert_eq!(take(store, node, account, 1), leased(100));
    }
    age("lease-n11", 25);
    assert_eq!(store.expire().unwrap(), 0, "a term is longer");
    age("lease-n11", 10);
    age("lease-n12", 35);
    let back = [(first.clone(), 100)];
    assert_eq!(renewed(store, "lease-n12"), back, "it was not too late");
    assert_eq!(store.expire().unwrap(), 2);
    assert_eq!(store.expire().unwrap(), 0);
    assert_eq!(renewed(store, "lease-n11"), []);
    assert_eq!(renewed(store, "lease-n12"), back);
    assert_eq!(spent_and_leased(store, &first), (0, 100));
    assert_eq!(spent_and_leased(store, &second), (0, 0));
    // Its records go on to come; another lease of its begins anew.
    store
        .put_of("lease-n11", &[cost("lease-f-1", "lease-f", 5)], &[])
        .unwrap();
    assert_eq!(spent_and_leased(store, &first), (5, 100));
    assert_eq!(take(store, "lease-n11", &first, 1), leased(100));
    // Adding to a lease renews it, and one that is spent ends in its time.
    age("lease-n11", 35);
    assert_eq!(
        take(store, "lease-n11", &first, 1),
        leased(1),
        "no more than it needs beyond a slice"
    );
    assert_eq!(store.expire().unwrap(), 0);
    store
        .put_of("lease-n11", &[cost("lease-f-2", "lease-f", 300)], &[])
        .unwrap();
    age("lease-n11", 35);
    assert_eq!(renewed(store, "lease-n11"), []);
    assert_eq!(store.expire().unwrap(), 1);
    let many: Vec<_> = (0..150)
        .map(|n| key_account(&format!("lease-h-{n:03}")))
        .collect();
    for (account, node) in many
        .iter()
        .flat_map(|account| [(account, "lease-n13"), (account, "lease-n14")])
    {
        assert_eq!(take(store, node, account, 1), leased(100));
    }
    age("lease-n13", 35);
    age("lease-n14", 35);
    assert_eq!(store.expire().unwrap(), 300);
    assert_eq!(spent_and_leased(store, &many[149]), (0, 0));
}

fn odd_names_have_leases(store: &dyn Store) {
    for (n, name) in super::odd_names().into_iter().enumerate() {
        let (node, account) = (
            format!("node {name}"),
            key_account(&format!("lease {name}")),
        );
        assert_eq!(take(store, &node, &account, 1), leased(100), "{name:?}");
        let record = Record {
            token_id: format!("lease {name}"),
            cost: Nanos(1),
            ..record(&format!("lease-odd-{n}"), 0)
        };
        store.put_of(&node, &[record], &[]).unwrap();
        assert_eq!(spent_and_leased(store, &account), (1, 99));
        assert!(store.give_back(&node, &account, Nanos(9)).unwrap());
        assert_eq!(store.renew(&node).unwrap()[0].1, Nanos(90));
        store.ended(&node).unwrap();
        assert_eq!(spent_and_leased(store, &account), (1, 0));
    }
}
