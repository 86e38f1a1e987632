//! Users come, change and go; their names are never given away again.

use std::slice::from_ref;

use config::rows::UserRow;

use super::{at, change, deed, done, stale, user, users_since};
use crate::{Change, Changed, MAX_ROWS, Store, StoreError};

pub(super) fn conform(store: &dyn Store) {
    a_user_comes_changes_and_goes(store);
    a_change_that_comes_twice_is_made_once(store);
    lists_meet_and_have_bounds(store);
    long_settings_are_whole_or_refused(store);
}

fn a_user_comes_changes_and_goes(store: &dyn Store) {
    let before = store.revisions().unwrap();
    assert_eq!(store.user("alice").unwrap(), None);
    let added = UserRow {
        revision: 4_711,
        updated_at: at(999),
        ..user("alice")
    };
    let revision = done(store, Change::AddUser(&added), 1);
    assert_eq!(revision, before.accounts + 1, "one for each change");
    let alice = store.user("alice").unwrap().unwrap();
    let expected = UserRow {
        revision,
        updated_at: at(1),
        ..added.clone()
    };
    assert_eq!(alice, expected, "revision and time are the store's");
    stale(store, Change::AddUser(&added));
    assert_eq!(store.user("ALICE").unwrap(), None);

    let changed = UserRow {
        settings: r#"{"role":"admin"}"#.into(),
        ..alice.clone()
    };
    let second = done(store, Change::SetUser(&changed), 2);
    assert!(second > revision);
    stale(store, Change::SetUser(&changed));
    stale(store, Change::SetUser(&user("nobody")));
    let kept = store.user("alice").unwrap().unwrap();
    let expected = UserRow {
        revision: second,
        updated_at: at(2),
        ..changed
    };
    assert_eq!(kept, expected);
    assert_eq!(users_since(store, second), []);
    assert_eq!(
        users_since(store, second - 1),
        from_ref(&kept),
        "the row as it is now, once"
    );
    a_deleted_user_is_history(store, &kept);
    assert_eq!(store.revisions().unwrap().accounts, second + 1);
    let configuration = store.revisions().unwrap().configuration;
    assert_eq!(configuration, before.configuration);
}

fn a_deleted_user_is_history(store: &dyn Store, alice: &UserRow) {
    let gone = UserRow {
        deleted_at: Some(at(3)),
        ..alice.clone()
    };
    let revision = done(store, Change::SetUser(&gone), 3);
    assert_eq!(store.user("alice").unwrap(), None);
    let left = store.users(None, MAX_ROWS).unwrap();
    assert!(left.iter().all(|user| user.name != "alice"));
    let gone = UserRow {
        revision,
        updated_at: at(3),
        ..gone
    };
    let since = users_since(store, alice.revision);
    assert_eq!(since, from_ref(&gone), "those who knew it see it go");
    let back = UserRow {
        deleted_at: None,
        ..gone
    };
    stale(store, Change::SetUser(&back));
    stale(store, Change::AddUser(&back));
}

/// Nobody may know how a transaction ended.
fn a_change_that_comes_twice_is_made_once(store: &dyn Store) {
    let twice = user("twice");
    let deed = deed("twice");
    let first = store.change(Change::AddUser(&twice), &deed, at(1)).unwrap();
    let second = store.change(Change::AddUser(&twice), &deed, at(1)).unwrap();
    assert_eq!(first, second);
    let kept = store.user("twice").unwrap().unwrap();
    assert_eq!(
        first,
        Changed::Done {
            revision: kept.revision
        }
    );
    // Also when others have changed the row since.
    done(store, Change::SetUser(&kept), 2);
    let third = store.change(Change::AddUser(&twice), &deed, at(1)).unwrap();
    assert_eq!(first, third);
}

fn lists_meet_and_have_bounds(store: &dyn Store) {
    let begin = store.revisions().unwrap().accounts;
    let names: Vec<_> = (0..MAX_ROWS + 3).map(|n| format!("many-{n:04}")).collect();
    for name in names.iter().rev() {
        done(store, Change::AddUser(&user(name)), 1);
    }
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map_or("many", String::as_str);
        let page = store.users(Some(after), 400).unwrap();
        let few = page.len() < 400;
        let page = page.into_iter().map(|user| user.name);
        seen.extend(page.filter(|name| name.starts_with("many-")));
        if few {
            break;
        }
    }
    assert_eq!(seen, names);
    for (limit, expected) in [(0, 1), (1, 1), (usize::MAX, MAX_ROWS)] {
        assert_eq!(store.users(None, limit).unwrap().len(), expected);
    }
    let first = users_since(store, begin);
    assert_eq!(first.len(), MAX_ROWS);
    assert!(first.is_sorted_by_key(|user| user.revision));
    let rest = users_since(store, first[MAX_ROWS - 1].revision);
    let seen = first.into_iter().chain(rest).map(|user| user.name);
    let order: Vec<_> = names.into_iter().rev().collect();
    assert_eq!(seen.collect::<Vec<_>>(), order, "in the order of changes");
}

fn long_settings_are_whole_or_refused(store: &dyn Store) {
    let long = UserRow {
        settings: format!("\"{}\"", "é".repeat((1 << 19) - 1)),
        ..user("long")
    };
    done(store, Change::AddUser(&long), 1);
    let kept = store.user("long").unwrap().unwrap();
    assert_eq!(kept.settings, long.settings, "1 MiB comes back");
    let longer = UserRow {
        settings: format!("{} ", long.settings),
        ..user("longer")
    };
    let error = store
        .change(Change::AddUser(&longer), &deed("longer"), at(1))
        .unwrap_err();
    assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
    assert!(error.to_string().contains("settings"), "{error}");
    assert_eq!(store.user("longer").unwrap(), None);
    let gone = UserRow {
        deleted_at: Some(at(2)),
        ..kept
    };
    assert_ne!(change(store, Change::SetUser(&gone), 2), Changed::Stale);
}
