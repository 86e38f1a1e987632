//! Whatever a text of an account holds, it is a value: it comes back and finds its row.

use std::slice::from_ref;

use config::rows::{Document, DocumentKind, KeyRow, UserRow};

use super::{at, done, hash, key, keys_since, user, users_since};
use crate::conformance::texts::odd_texts;
use crate::{Change, Deed, DeedSearch, KeySearch, Store};

pub(super) fn conform(store: &dyn Store) {
    for text in odd_texts() {
        every_field_takes(store, &text, &text);
    }
    every_field_takes(
        store,
        "a\0b'; DROP TABLE users; --",
        "a\u{fffd}b'; DROP TABLE users; --",
    );
    names_are_cut(store);
}

/// Every text field at once is given a text, has it as it is kept, and is found by it.
fn every_field_takes(store: &dyn Store, given: &str, kept: &str) {
    users_take(store, given, kept);
    keys_take(store, given, kept);
    documents_take(store, given, kept);
    deeds_take(store, given, kept);
}

fn users_take(store: &dyn Store, given: &str, kept: &str) {
    let odd = UserRow {
        settings: given.into(),
        ..user(given)
    };
    let revision = done(store, Change::AddUser(&odd), 0);
    let expected = UserRow {
        settings: kept.into(),
        revision,
        ..user(kept)
    };
    assert_eq!(store.user(given).unwrap().as_ref(), Some(&expected));
    assert_eq!(users_since(store, revision - 1), from_ref(&expected));
    let set = UserRow { revision, ..odd };
    let revision = done(store, Change::SetUser(&set), 0);
    let expected = UserRow {
        revision,
        ..expected
    };
    assert_eq!(store.user(given).unwrap(), Some(expected));
}

fn keys_take(store: &dyn Store, given: &str, kept: &str) {
    let with = |text: &str, revision| KeyRow {
        name: text.into(),
        hash: hash(given),
        hint: text.into(),
        settings: text.into(),
        revision,
        ..key(text, text)
    };
    let revision = done(store, Change::AddKey(&with(given, 0)), 0);
    let expected = with(kept, revision);
    assert_eq!(store.key(given).unwrap().as_ref(), Some(&expected));
    let search = KeySearch {
        user: Some(given.into()),
        after: None,
        limit: 2,
    };
    assert_eq!(store.keys(&search).unwrap(), [expected]);
    let revision = done(store, Change::SetKey(&with(given, revision)), 0);
    let since = keys_since(store, revision - 1);
    assert_eq!(since, [with(kept, revision)]);
}

fn documents_take(store: &dyn Store, given: &str, kept: &str) {
    let with = |text: &str, revision| Document {
        kind: DocumentKind::Model,
        name: text.into(),
        body: text.into(),
        created_at: at(0),
        updated_at: at(0),
        revision,
    };
    let revision = done(store, Change::AddDocument(&with(given, 0)), 0);
    let revision = done(store, Change::SetDocument(&with(given, revision)), 0);
    let expected = with(kept, revision);
    assert!(store.documents().unwrap().contains(&expected), "{given:?}");
    done(store, Change::RemoveDocument(&with(given, revision)), 0);
    assert!(!store.documents().unwrap().contains(&expected), "{given:?}");
}

fn deeds_take(store: &dyn Store, given: &str, kept: &str) {
    let with = |text: &str| Deed {
        id: text.into(),
        at: at(0),
        actor: text.into(),
        action: text.into(),
        subject: text.into(),
        was: Some(text.into()),
        became: Some(text.into()),
    };
    let user = store.user(given).unwrap().unwrap();
    let change = Change::SetUser(&user);
    store.change(change, &with(given), at(0)).unwrap();
    let search = DeedSearch {
        subject: Some(given.into()),
        cursor: None,
        limit: 9,
    };
    assert_eq!(store.deeds(&search).unwrap().items, [with(kept)]);
}

/// In every database alike: after 255 characters, and before spaces.
fn names_are_cut(store: &dyn Store) {
    let long = "é".repeat(300);
    done(store, Change::AddUser(&user(&long)), 0);
    assert_eq!(store.user(&long).unwrap().unwrap().name, "é".repeat(255));
    done(store, Change::AddKey(&key("of-long", &long)), 0);
    done(store, Change::AddUser(&user("padded  ")), 0);
    assert_eq!(store.user("padded ").unwrap().unwrap().name, "padded");
}
