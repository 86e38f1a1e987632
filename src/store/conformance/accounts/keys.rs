//! Keys belong to somebody who is there, and no two are the same.

use std::slice::from_ref;

use config::rows::{KeyRow, PreviousKey, UserRow};

use super::{at, done, hash, key, keys_since, stale, user, users_since};
use crate::{Change, KeySearch, MAX_ROWS, Store};

pub(super) fn conform(store: &dyn Store) {
    a_key_comes_is_rotated_and_goes(store);
    a_key_needs_its_owner(store);
    names_and_hashes_are_one_keys(store);
    keys_are_listed_by_owner(store);
}

fn a_key_comes_is_rotated_and_goes(store: &dyn Store) {
    let added = key("rotated", "root");
    let revision = done(store, Change::AddKey(&added), 1);
    let kept = store.key("rotated").unwrap().unwrap();
    let expected = KeyRow {
        revision,
        updated_at: at(1),
        ..added
    };
    assert_eq!(kept, expected);
    let rotated = KeyRow {
        name: "new name".into(),
        hash: hash("new"),
        previous: Some(PreviousKey {
            hash: kept.hash,
            until: at(60),
        }),
        hint: "sk-cd…wx".into(),
        settings: r#"{"budget":"1"}"#.into(),
        ..kept.clone()
    };
    let second = done(store, Change::SetKey(&rotated), 2);
    stale(store, Change::SetKey(&rotated));
    let expected = KeyRow {
        revision: second,
        updated_at: at(2),
        ..rotated
    };
    let kept = store.key("rotated").unwrap().unwrap();
    assert_eq!(kept, expected);
    assert_eq!(keys_since(store, revision), from_ref(&kept));
    assert_eq!(
        users_since(store, revision),
        [],
        "they have one count, and are told apart"
    );
    let moved = KeyRow {
        user: "somebody else".into(),
        ..kept.clone()
    };
    stale(store, Change::SetKey(&moved));
    let gone = KeyRow {
        deleted_at: Some(at(3)),
        previous: None,
        ..kept
    };
    let revision = done(store, Change::SetKey(&gone), 3);
    assert_eq!(store.key("rotated").unwrap(), None);
    let gone = KeyRow {
        revision,
        updated_at: at(3),
        ..gone
    };
    assert_eq!(keys_since(store, second), from_ref(&gone));
    let back = KeyRow {
        deleted_at: None,
        ..gone
    };
    stale(store, Change::SetKey(&back));
    stale(store, Change::AddKey(&back));
}

fn a_key_needs_its_owner(store: &dyn Store) {
    stale(store, Change::AddKey(&key("orphan", "owner")));
    stale(store, Change::AddKey(&key("orphan", "ROOT")));
    done(store, Change::AddUser(&user("owner")), 1);
    done(store, Change::AddKey(&key("owned", "owner")), 1);
    let owner = UserRow {
        deleted_at: Some(at(2)),
        ..store.user("owner").unwrap().unwrap()
    };
    done(store, Change::SetUser(&owner), 2);
    stale(store, Change::AddKey(&key("orphan", "owner")));
}

fn names_and_hashes_are_one_keys(store: &dyn Store) {
    let first = key("first", "root");
    done(store, Change::AddKey(&first), 1);
    let same_id = KeyRow {
        name: "other".into(),
        hash: hash("other"),
        ..first.clone()
    };
    let same_name = KeyRow {
        name: first.name.clone(),
        ..key("second", "root")
    };
    let same_hash = KeyRow {
        hash: first.hash,
        ..key("second", "root")
    };
    for taken in [&same_id, &same_name, &same_hash] {
        stale(store, Change::AddKey(taken));
    }
    done(store, Change::AddKey(&key("second", "root")), 1);
    let second = store.key("second").unwrap().unwrap();
    let revision = second.revision;
    for taken in [same_name, same_hash] {
        stale(store, Change::SetKey(&KeyRow { revision, ..taken }));
    }
    assert_eq!(store.key("second").unwrap(), Some(second));
    // Of a deleted key the name is free, also a second time.
    for (n, id) in ["first", "third", "fourth"].into_iter().enumerate() {
        let named = KeyRow {
            name: first.name.clone(),
            ..key(id, "root")
        };
        if n > 0 {
            done(store, Change::AddKey(&named), 1);
        }
        let gone = KeyRow {
            deleted_at: Some(at(10 + n as i64)),
            ..store.key(id).unwrap().unwrap()
        };
        done(store, Change::SetKey(&gone), 2);
    }
}

fn keys_are_listed_by_owner(store: &dyn Store) {
    for owner in ["lister", "listed"] {
        done(store, Change::AddUser(&user(owner)), 1);
        for n in 0..5 {
            let id = format!("list-{n}-{owner}");
            done(store, Change::AddKey(&key(&id, owner)), 1);
        }
    }
    let gone = KeyRow {
        deleted_at: Some(at(2)),
        ..store.key("list-2-listed").unwrap().unwrap()
    };
    done(store, Change::SetKey(&gone), 2);
    let list = |user: Option<&str>, after: Option<&str>, limit| -> Vec<String> {
        let search = KeySearch {
            user: user.map(Into::into),
            after: after.map(Into::into),
            limit,
        };
        let keys = store.keys(&search).unwrap().into_iter();
        keys.map(|key| key.id).collect()
    };
    let of_listed = [
        "list-0-listed",
        "list-1-listed",
        "list-3-listed",
        "list-4-listed",
    ];
    assert_eq!(list(Some("listed"), None, MAX_ROWS), of_listed);
    assert_eq!(
        list(Some("listed"), Some("list-1-listed"), 1),
        of_listed[2..3]
    );
    assert_eq!(list(Some("listed"), Some("list-4-listed"), 9), [""; 0]);
    assert_eq!(list(Some("LISTED"), None, 9), [""; 0]);
    assert_eq!(
        list(None, Some("list-2"), 3),
        ["list-2-lister", "list-3-listed", "list-3-lister"]
    );
    assert_eq!(list(None, None, 0).len(), 1);
}
