//! Several who change at once: one wins, and who watches sees it all.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use config::rows::UserRow;

use super::{change, done, key, user, users_since};
use crate::{Change, Changed, Store};

const THREADS: usize = 4;
const EACH: usize = 25;

pub(super) fn conform(store: &dyn Store) {
    of_two_changes_of_one_row_one_wins(store);
    of_two_keys_of_one_name_one_is_added(store);
    who_always_asks_for_what_is_new_misses_nobody(store);
}

fn of_two_changes_of_one_row_one_wins(store: &dyn Store) {
    done(store, Change::AddUser(&user("raced")), 1);
    for _ in 0..20 {
        let before = store.user("raced").unwrap().unwrap();
        let winners = at_once(|n| {
            let mine = UserRow {
                settings: format!("{n}"),
                ..before.clone()
            };
            match change(store, Change::SetUser(&mine), 2) {
                Changed::Done { revision } => Some((mine.settings, revision)),
                Changed::Stale => None,
            }
        });
        let after = store.user("raced").unwrap().unwrap();
        assert_eq!(winners, [(after.settings, after.revision)]);
        assert_eq!(after.revision, before.revision + 1);
    }
}

fn of_two_keys_of_one_name_one_is_added(store: &dyn Store) {
    let winners = at_once(|n| {
        let mut mine = key(&format!("raced-{n}"), "root");
        mine.name = "raced".into();
        let added = change(store, Change::AddKey(&mine), 1);
        (added != Changed::Stale).then_some(n)
    });
    assert_eq!(winners.len(), 1, "{winners:?}");
}

fn who_always_asks_for_what_is_new_misses_nobody(store: &dyn Store) {
    let begin = store.revisions().unwrap().accounts;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = &over;
        let poller = scope.spawn(move || poll(store, begin, over));
        let mut revisions: Vec<u64> = at_once(|n| Some(add(store, n))).concat();
        over.store(true, Ordering::Release);
        revisions.sort_unstable();
        let all: Vec<_> = (begin + 1..).take(THREADS * EACH).collect();
        assert_eq!(revisions, all, "each its own, and none left out");
        let seen = poller.join().unwrap();
        assert_eq!(seen.len(), THREADS * EACH);
    });
}

fn add(store: &dyn Store, thread: usize) -> Vec<u64> {
    let names = (0..EACH).map(|n| format!("race-{thread}-{n}"));
    names
        .map(|name| done(store, Change::AddUser(&user(&name)), 1))
        .collect()
}

/// Everybody that is seen by asking only for what came after the last one, until it is over.
fn poll(store: &dyn Store, begin: u64, over: &AtomicBool) -> BTreeSet<String> {
    let mut last = begin;
    let mut seen = BTreeSet::new();
    loop {
        // First, so that the last look is one after the end.
        let is_last = over.load(Ordering::Acquire);
        for user in users_since(store, last) {
            assert_eq!(user.revision, last + 1, "no number comes before its turn");
            last = user.revision;
            seen.insert(user.name);
        }
        assert!(store.revisions().unwrap().accounts >= last);
        if is_last {
            return seen;
        }
    }
}

/// What threads that begin together have to say.
fn at_once<T: Send>(work: impl Fn(usize) -> Option<T> + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    start.wait();
                    work(n)
                })
            })
            .collect();
        let said = threads.into_iter().map(|thread| thread.join().unwrap());
        said.flatten().collect()
    })
}
