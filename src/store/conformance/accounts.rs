//! Users, keys and documents: one change at a time, none lost, none unseen.

mod documents;
mod keys;
mod race;
mod texts;
mod unreadable;
mod users;

use config::rows::{KeyRow, UserRow};
use jiff::{SignedDuration, Timestamp};

use super::Sql;
use crate::{Change, Changed, Deed, Store};

pub(super) fn conform(store: &dyn Store, sql: Sql<'_>) {
    users::conform(store);
    keys::conform(store);
    documents::conform(store);
    texts::conform(store);
    race::conform(store);
    unreadable::conform(store, sql);
}

/// So many seconds after the beginning of these tests.
fn at(seconds: i64) -> Timestamp {
    let begin: Timestamp = "2026-11-22T00:00:00.000001Z".parse().unwrap();
    begin + SignedDuration::from_secs(seconds)
}

pub(super) fn user(name: &str) -> UserRow {
    UserRow {
        name: name.into(),
        settings: r#"{"role":"user"}"#.into(),
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        revision: 0,
    }
}

fn key(id: &str, user: &str) -> KeyRow {
    KeyRow {
        id: id.into(),
        user: user.into(),
        name: format!("name of {id}"),
        hash: hash(id),
        previous: None,
        hint: "sk-ab…yz".into(),
        settings: "{}".into(),
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        revision: 0,
    }
}

/// Some bytes for some words, all 32 of them.
fn hash(words: &str) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(words).into()
}

fn deed(id: &str) -> Deed {
    Deed {
        id: id.into(),
        at: at(0),
        actor: "admin".into(),
        action: "test".into(),
        subject: "accounts".into(),
        was: None,
        became: None,
    }
}

/// A change with a deed of its own.
fn change(store: &dyn Store, change: Change<'_>, seconds: i64) -> Changed {
    use std::sync::atomic::{AtomicU32, Ordering};
    static DEEDS: AtomicU32 = AtomicU32::new(0);
    let number = DEEDS.fetch_add(1, Ordering::Relaxed);
    let deed = deed(&format!("accounts-{number}"));
    store.change(change, &deed, at(seconds)).unwrap()
}

/// The revision of a change that must be kept.
fn done(store: &dyn Store, of: Change<'_>, seconds: i64) -> u64 {
    match change(store, of, seconds) {
        Changed::Done { revision } => revision,
        Changed::Stale => panic!("stale: {of:?}"),
    }
}

/// A change that must not be kept, not even in the counts.
fn stale(store: &dyn Store, of: Change<'_>) {
    let before = store.revisions().unwrap();
    assert_eq!(change(store, of, 0), Changed::Stale, "{of:?}");
    assert_eq!(store.revisions().unwrap(), before, "{of:?}");
}

/// Every user that changed after `revision`: each can be read.
fn users_since(store: &dyn Store, revision: u64) -> Vec<UserRow> {
    let rows = store.users_since(revision).unwrap();
    rows.into_iter().map(Result::unwrap).collect()
}

/// The same of keys.
fn keys_since(store: &dyn Store, revision: u64) -> Vec<KeyRow> {
    let rows = store.keys_since(revision).unwrap();
    rows.into_iter().map(Result::unwrap).collect()
}
