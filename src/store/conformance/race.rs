//! Several nodes at the same purses at once: they never take more than there is, and wait for each
//! other instead of blocking each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use ledger::book::{key_account, user_account};
use ledger::lease::{Ceiling, Taken, Want};
use ledger::{Nanos, Record};

use super::purses::purse;
use super::record;
use crate::Store;

const NODES: usize = 3;

/// The same store, opened by each node.
pub(crate) type Nodes = [Arc<dyn Store>; NODES];

/// Every store must do this, too.
pub(crate) fn conform(nodes: &Nodes) {
    nodes_never_take_more_than_there_is(nodes);
    everything_at_once_leaves_every_sum_right(nodes);
}

/// Until the store does it: a file of SQLite is locked for longer than it waits when a busy machine
/// gives it to others first.
fn at_last<T, E: std::fmt::Display>(work: impl Fn() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match work() {
            Ok(done) => return done,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error}"),
        }
    }
}

fn nodes_never_take_more_than_there_is(nodes: &Nodes) {
    const BUDGET: Nanos = Nanos(5_000);
    let account = &key_account("raced");
    let start = &Barrier::new(2 * NODES);
    let take_all = |number: usize| {
        let (node, mut sum) = (format!("racer-{number}"), 0);
        start.wait();
        while let Taken::Lease(amount) =
            at_last(|| nodes[number].lease(&want(&node, account, BUDGET, 100)))
        {
            sum += amount.0;
        }
        sum
    };
    let sums: Vec<i64> = thread::scope(|scope| {
        let threads = (0..2 * NODES).map(|n| scope.spawn(move || take_all(n % NODES)));
        let threads: Vec<_> = threads.collect();
        let sums = threads.into_iter().map(|thread| thread.join().unwrap());
        sums.collect()
    });
    let sum: i64 = sums.iter().sum();
    assert_eq!(sum, BUDGET.0, "all of it, once: {sums:?}");
    assert_eq!(purse(&*nodes[0], account).leased, BUDGET);
}

fn want<'a>(node: &'a str, account: &'a str, budget: Nanos, need: i64) -> Want<'a> {
    Want {
        node,
        account,
        ceiling: Ceiling::Budget(budget),
        need: Nanos(need),
        slice: Nanos(100),
    }
}

/// Each node leases, gives back, renews, expires and puts records of the same accounts, each batch
/// twice; one ends again and again.
fn everything_at_once_leaves_every_sum_right(nodes: &Nodes) {
    const BATCHES: usize = 15;
    const ACCOUNTS: usize = 12;
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let mut writers = Vec::new();
        for (number, store) in nodes.iter().enumerate() {
            let node = format!("busy-{number}");
            let at_it = node.clone();
            scope.spawn(move || {
                let mut round = number;
                while !over.load(Ordering::Relaxed) {
                    leases_and_renews(&**store, &at_it, round % ACCOUNTS);
                    round += 5;
                }
            });
            writers.push(scope.spawn(move || {
                for batch in 0..BATCHES {
                    let records = records(number, batch, ACCOUNTS);
                    at_last(|| store.put_of(&node, &records, &[]));
                    at_last(|| store.put_of(&node, &records, &[]));
                    if number == 0 {
                        at_last(|| store.ended(&node));
                    }
                }
            }));
        }
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        over.store(true, Ordering::Relaxed);
    });
    let store = &*nodes[0];
    let spent = |n| purse(store, &key_account(&format!("busy-{n:02}"))).spent.0;
    let spent: i64 = (0..ACCOUNTS).map(spent).sum();
    assert_eq!(spent, (NODES * BATCHES * 40 * 3) as i64);
    let from = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.verify(from).unwrap(), []);
}

/// In another order on each node.
fn records(node: usize, batch: usize, accounts: usize) -> Vec<Record> {
    let records = (0..40).map(|n| {
        let name = format!("busy-{:02}", (n * (2 * node + 5) + batch) % accounts);
        Record {
            user: name.clone(),
            token_id: name,
            cost: Nanos(3),
            ..record(&format!("busy-{node}-{batch}-{n}"), 0)
        }
    });
    records.collect()
}

fn leases_and_renews(store: &dyn Store, node: &str, n: usize) {
    let name = format!("busy-{n:02}");
    for account in [key_account(&name), user_account(&name)] {
        at_last(|| store.lease(&want(node, &account, Nanos(1 << 40), 1)));
        at_last(|| store.give_back(node, &account, Nanos(7)));
    }
    at_last(|| store.renew(node));
    at_last(|| store.expire());
}
