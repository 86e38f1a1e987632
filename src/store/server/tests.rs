//! What every database server must do: the stories, told by the tests of each driver.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ledger::Nanos;
use ledger::lease::{Ceiling, Taken, Want};
use servers::{Kind, Server};

use super::CONNECTIONS;
use crate::conformance::upgrade::{PURSES, SPENT};
use crate::conformance::{race, record, store_conformance, writer};
use crate::{Bucket, MAX_PAGE, Revisions, Search, Store, StoreError, Sums, UsageSearch, open};

pub(crate) fn conforms(server: &Server) {
    let url = server.database();
    let store = open(&url).unwrap();
    store_conformance(&*store, &|sql| server.sql(&url, sql).trim().to_owned());
}

pub(crate) fn nodes_share_purses(server: &Server) {
    let url = server.database();
    race::conform(&std::array::from_fn(|_| open(&url).unwrap()));
}

pub(crate) fn nodes_start_together(server: &Server) {
    let url = server.database();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for n in 0..4 {
            let (url, start) = (&url, &start);
            scope.spawn(move || {
                start.wait();
                let store = open(url).unwrap();
                store.put(&[record(&n.to_string(), n)]).unwrap();
            });
        }
    });
    assert_eq!(count(&*open(&url).unwrap()), 4);
}

/// A store of before there were purses. MySQL keeps no migration whole or undone: there it may come
/// again when it is half done.
pub(crate) fn sums_become_purses(server: &Server, kind: Kind) {
    let url = server.database();
    let store = open(&url).unwrap();
    let mut other = record("other", 1);
    other.user = "😀 o'hara".into();
    store.put(&[record("1", 1), record("2", 2), other]).unwrap();
    let back = "DELETE FROM refinery_schema_history WHERE version > 3";
    let tables = "DROP TABLE users, api_keys, documents, revisions, entries, purses, leases, audit, journals";
    let spent =
        "CREATE TABLE spent (token_id VARCHAR(255) NOT NULL PRIMARY KEY, cost BIGINT NOT NULL)";
    let rows = "INSERT INTO spent VALUES ('yaml:ci', 16800000), ('yaml:old', 5)";
    for statement in [back, tables, spent, rows] {
        server.sql(&url, statement);
    }
    let check = || {
        let store = open(&url).unwrap();
        let accounts = ["key:yaml:ci", "key:yaml:old", "user:root", "user:😀 o'hara"];
        let purses = store.purses(&accounts).unwrap();
        let spent: Vec<_> = purses.iter().map(|(_, purse)| purse.spent.0).collect();
        assert_eq!(spent, [16_800_000, 5, 11_200_000, 5_600_000]);
    };
    check();
    if kind == Kind::MariaDb {
        server.sql(&url, back);
        check();
        server.sql(&url, spent);
        server.sql(&url, rows);
        server.sql(&url, back);
        check();
    }
}

pub(crate) fn newer_schema(server: &Server) {
    let url = server.database();
    drop(open(&url).unwrap());
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (4711, 'later', '2030-01-01T00:00:00Z', '1')";
    server.sql(&url, newer);
    let error = open(&url).err().unwrap();
    assert!(
        matches!(error, StoreError::NewerSchema { found: 4711, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("4711"), "{error}");
}

/// What the accounts brought is taken away again, and what was there before them put back.
const BEFORE_ACCOUNTS: &str = "\
    DROP TABLE users; DROP TABLE api_keys; DROP TABLE documents; DROP TABLE revisions; \
    DROP TABLE entries; DROP TABLE purses; DROP TABLE leases; DROP TABLE audit; DROP TABLE journals; \
    DELETE FROM refinery_schema_history WHERE version > 3; \
    CREATE TABLE spent (token_id VARCHAR(255) NOT NULL PRIMARY KEY, cost BIGINT NOT NULL)";

/// A store of before the accounts, with what keys and users have spent.
pub(crate) fn accounts_come(server: &Server) {
    let url = server.database();
    drop(open(&url).unwrap());
    server.sql(&url, BEFORE_ACCOUNTS);
    server.sql(&url, SPENT);
    let store = open(&url).unwrap();
    assert_eq!(purses(server, &url), PURSES);
    assert_eq!(store.revisions().unwrap(), Revisions::default());
    assert_eq!(store.users_since(0).unwrap(), []);
    assert_eq!(store.keys_since(0).unwrap(), []);
    assert_eq!(store.documents().unwrap(), []);
}

/// A server that cannot undo a half-done migration has it run again: from its last statement, and
/// from before that.
pub(crate) fn accounts_come_again(server: &Server) {
    let url = server.database();
    drop(open(&url).unwrap());
    server.sql(&url, BEFORE_ACCOUNTS);
    server.sql(&url, SPENT);
    for undo in ["SELECT 1", "DROP TABLE leases", "DROP TABLE audit"] {
        drop(open(&url).unwrap());
        server.sql(&url, undo);
        server.sql(
            &url,
            "DELETE FROM refinery_schema_history WHERE version > 3",
        );
    }
    let store = open(&url).unwrap();
    assert_eq!(purses(server, &url), PURSES);
    assert_eq!(store.revisions().unwrap(), Revisions::default());
}

fn purses(server: &Server, url: &str) -> Vec<String> {
    let sql = "SELECT concat(account, ' ', credited, ' ', spent, ' ', leased) \
               FROM purses ORDER BY account";
    server.sql(url, sql).lines().map(Into::into).collect()
}

pub(crate) fn whole_batches(server: &Server) {
    let url = server.database();
    let store = open(&url).unwrap();
    server.sql(
        &url,
        "ALTER TABLE requests ADD CONSTRAINT t CHECK (id <> 'bad')",
    );
    let batch: Vec<_> = (0..300).map(|n| record(&format!("good-{n}"), n)).collect();
    let batch = [batch, vec![record("bad", 1)]].concat();
    store.put(&batch).unwrap_err();
    assert_eq!((count(&*store), requests_used(&*store)), (0, 0));
    server.sql(&url, "ALTER TABLE requests DROP CONSTRAINT t");
    store.put(&batch).unwrap();
    assert_eq!((count(&*store), requests_used(&*store)), (301, 301));
}

/// Several nodes add to the same rows of the sums, and some put each other's batches again.
pub(crate) fn shared_sums(server: &Server) {
    const NODES: i64 = 4;
    const BATCHES: i64 = 10;
    let url = server.database();
    drop(open(&url).unwrap());
    let start = Barrier::new(NODES as usize);
    thread::scope(|scope| {
        for node in 0..NODES {
            let (url, start) = (&url, &start);
            scope.spawn(move || {
                let store = open(url).unwrap();
                start.wait();
                for batch in 0..BATCHES {
                    let records: Vec<_> = (0..20)
                        .map(|n| {
                            let mut record = record(&format!("{}-{batch}-{n}", node / 2), n);
                            record.model = format!("m{}", (n + node) % 20);
                            record
                        })
                        .collect();
                    put_at_last(&*store, &records);
                }
            });
        }
    });
    let store = open(&url).unwrap();
    let records = (NODES / 2 * BATCHES * 20) as u64;
    assert_eq!((count(&*store), requests_used(&*store)), (records, records));
}

/// As the writer does: again and again.
fn put_at_last(store: &dyn Store, records: &[ledger::Record]) {
    let begun = Instant::now();
    while let Err(error) = store.put(records) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// While admins' questions wait for a table, all connections but those of leases are taken.
pub(crate) fn leases_go_ahead(server: &Server, lock: &str, unlock: &str) {
    let url = server.database();
    let store = open(&url).unwrap();
    let lease = |need| {
        let want = Want {
            node: "n",
            account: "key:a",
            ceiling: Ceiling::Budget(Nanos(1_000)),
            need: Nanos(need),
            slice: Nanos(100),
        };
        store.lease(&want).unwrap()
    };
    assert_eq!(lease(1), Taken::Lease(Nanos(100)));
    let (asked, locked) = (AtomicUsize::new(0), format!("{lock}; {unlock}"));
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&url, &locked));
        thread::sleep(Duration::from_millis(500));
        for _ in 0..2 * CONNECTIONS {
            scope.spawn(|| {
                asked.fetch_add(1, Ordering::Relaxed);
                // Some are told that all connections are taken.
                let _ = store.requests(&Search::default());
                asked.fetch_sub(1, Ordering::Relaxed);
            });
        }
        thread::sleep(Duration::from_millis(500));
        let now = Instant::now();
        assert_eq!(lease(200), Taken::Lease(Nanos(200)));
        assert_eq!(store.renew("n").unwrap().len(), 1);
        assert!(store.give_back("n", "key:a", Nanos(300)).unwrap());
        assert_eq!(store.expire().unwrap(), 0);
        let took = now.elapsed();
        assert_eq!(asked.load(Ordering::Relaxed), 2 * CONNECTIONS, "all wait");
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}

pub(crate) fn comes_back(kind: Kind) {
    const RECORDS: i64 = 3_000;
    let server = Server::new(kind);
    let url = server.database();
    let store = open(&url).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let writer = writer(folder.path(), &store, RECORDS as usize);
    for n in 0..RECORDS {
        writer
            .reserve()
            .unwrap()
            .write(&record(&format!("{n:05}"), n));
        match n {
            1_000 => server.stop(),
            2_000 => {
                let error = store.ping().unwrap_err().to_string();
                assert!(!error.contains(servers::PASSWORD), "{error}");
                server.start();
            }
            _ => {}
        }
        if n % 100 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(
        writer.flush(Duration::from_secs(60)),
        "{:?}",
        writer.counts()
    );
    let counts = writer.counts();
    assert!(counts.failures > 0, "it was away: {counts:?}");
    assert_eq!(
        (count(&*store), requests_used(&*store)),
        (RECORDS as u64, RECORDS as u64)
    );
}

pub(crate) fn starts_first(kind: Kind) {
    let server = Server::new(kind);
    let url = server.database();
    server.stop();
    let store = open(&url).unwrap();
    let error = store.ping().unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(store.put(&[record("1", 1)]).is_err());
    server.start();
    store.put(&[record("1", 1)]).unwrap();
    assert_eq!(count(&*store), 1);
}

/// Accepts connections and never says a word. `url` has `{}` for the port.
pub(crate) fn silent(url: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let begun = Instant::now();
    let store = open(&url.replace("{}", &port)).unwrap();
    let error = store.ping().unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(
        begun.elapsed() < 3 * super::CONNECT,
        "{:?}",
        begun.elapsed()
    );
}

pub(crate) fn refused(server: &Server) {
    let url = server.database();
    let (front, place) = url.rsplit_once('@').unwrap();
    let (scheme, _) = front.split_once("://").unwrap();
    let wrong = format!("{scheme}://{}:sesame@{place}", servers::USER);
    let (front, _) = url.rsplit_once('/').unwrap();
    let nowhere = format!("{front}/nowhere");
    for url in [wrong, nowhere] {
        let error = open(&url).err().unwrap();
        assert!(matches!(error, StoreError::Server { .. }), "{error:?}");
        let words = format!("{error} {error:?}");
        assert!(
            !words.contains("sesame") && !words.contains(servers::PASSWORD),
            "{words}"
        );
    }
}

/// Nobody vouches for the server's certificate.
pub(crate) fn untrusted(url: &str) {
    for mode in ["verify-ca", "verify-full"] {
        let error = open(&format!("{url}?sslmode={mode}")).err().unwrap();
        assert!(!error.is_unreachable(), "{mode}: {error}");
        assert!(error.to_string().contains("certificate"), "{mode}: {error}");
    }
}

#[tokio::test]
async fn a_probe_may_ask_on_a_thread_of_a_runtime() {
    let store = open(&servers::postgres().database()).unwrap();
    for _ in 0..300 {
        store.ping().unwrap();
    }
    drop(store);
}

fn count(store: &dyn Store) -> u64 {
    let mut search = Search {
        limit: MAX_PAGE,
        ..Search::default()
    };
    let mut count = 0;
    loop {
        let page = store.requests(&search).unwrap();
        count += page.items.len() as u64;
        match page.next {
            Some(next) => search.cursor = Some(next),
            None => return count,
        }
    }
}

fn requests_used(store: &dyn Store) -> u64 {
    let search = UsageSearch {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        to: "2027-01-01T00:00:00Z".parse().unwrap(),
        bucket: Bucket::Day,
        by: vec![],
    };
    match store.usage(&search).unwrap() {
        Sums::All(sums) => sums.iter().map(|sum| sum.requests).sum(),
        Sums::TooMany => panic!("too many"),
    }
}
