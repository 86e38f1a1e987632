//! Deeds come with what they tell of, are read newest first, and go when they are old.

use config::rows::UserRow;
use jiff::{SignedDuration, Timestamp};

use super::accounts::user;
use crate::{Change, Changed, Cursor, Deed, DeedSearch, Store, StoreError};

/// Before every other deed of the suite.
fn at(seconds: i64) -> Timestamp {
    let begin: Timestamp = "2019-01-01T00:00:00.000001Z".parse().unwrap();
    begin + SignedDuration::from_secs(seconds)
}

fn deed(id: &str, subject: &str, seconds: i64) -> Deed {
    Deed {
        id: id.into(),
        at: at(seconds),
        actor: "admin".into(),
        action: "user.update".into(),
        subject: subject.into(),
        was: Some("{\"a\":1}".into()),
        became: None,
    }
}

/// One more change of a user, for the sake of its deed.
fn write(store: &dyn Store, name: &str, deed: &Deed) {
    let changed = match store.user(name).unwrap() {
        None => store.change(Change::AddUser(&user(name)), deed, at(0)),
        Some(user) => store.change(Change::SetUser(&user), deed, at(0)),
    };
    assert_ne!(changed.unwrap(), Changed::Stale);
}

fn search(subject: &str, limit: usize) -> DeedSearch {
    DeedSearch {
        subject: Some(subject.into()),
        cursor: None,
        limit,
    }
}

pub(super) fn conform(store: &dyn Store) {
    a_deed_is_there_when_its_change_is(store);
    a_deed_may_change_no_row(store);
    pages_meet_without_gap_or_overlap(store);
    old_deeds_go(store);
}

fn a_deed_is_there_when_its_change_is(store: &dyn Store) {
    let made = deed("deed-made", "user:deeds", 0);
    write(store, "deeds", &made);
    let subject = search("user:deeds", 10);
    assert_eq!(store.deeds(&subject).unwrap().items, [made]);

    let stale = deed("deed-stale", "user:deeds", 1);
    let change = store.change(Change::AddUser(&user("deeds")), &stale, at(1));
    assert_eq!(change.unwrap(), Changed::Stale);
    let long = Deed {
        became: Some("x".repeat((1 << 20) + 1)),
        ..deed("deed-long", "user:deeds", 1)
    };
    let current = store.user("deeds").unwrap().unwrap();
    let other = UserRow {
        settings: "other".into(),
        ..current.clone()
    };
    let error = store.change(Change::SetUser(&other), &long, at(1));
    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
    // One deed is told once: nothing is changed in the name of one that is there.
    let again = deed("deed-made", "user:deeds", 1);
    store
        .change(Change::SetUser(&other), &again, at(1))
        .unwrap_err();
    assert_eq!(store.user("deeds").unwrap(), Some(current));
    assert_eq!(store.deeds(&subject).unwrap().items.len(), 1);

    let longest = Deed {
        was: Some("x".repeat(1 << 20)),
        became: Some("y".repeat(1 << 20)),
        ..deed("deed-longest", "user:longest", 1)
    };
    write(store, "deeds", &longest);
    let found = store.deeds(&search("user:longest", 1)).unwrap();
    assert_eq!(found.items, [longest]);
}

fn a_deed_may_change_no_row(store: &dyn Store) {
    let before = store.revisions().unwrap();
    let cleared = deed("deed-cleared", "channel:deeds", 2);
    store.note(&cleared).unwrap();
    let subject = search("channel:deeds", 10);
    assert_eq!(store.deeds(&subject).unwrap().items, [cleared]);
    assert_eq!(store.revisions().unwrap(), before);
}

fn pages_meet_without_gap_or_overlap(store: &dyn Store) {
    // Three times of 7 deeds each: pages of 4 end inside equal times.
    let mut expected = Vec::new();
    for n in 0..21 {
        let deed = deed(&format!("page-{n:02}"), "user:paged", 10 + n / 7);
        write(store, "paged", &deed);
        write(store, "paged", &self::deed(&format!("beside-{n}"), "x", 11));
        expected.insert(0, deed);
    }
    for limit in [1, 4, 7, 20, 21, 22] {
        let mut search = search("user:paged", limit);
        let mut seen = Vec::new();
        loop {
            let page = store.deeds(&search).unwrap();
            assert!(page.items.len() <= limit && !page.items.is_empty());
            seen.extend(page.items);
            let Some(next) = page.next else { break };
            search.cursor = Some(next.to_string().parse::<Cursor>().unwrap());
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    let all = store.deeds(&DeedSearch::default()).unwrap();
    assert_eq!(all.items.len(), 1, "a limit of 0 is one of 1");
    assert!(all.next.is_some());
}

fn old_deeds_go(store: &dyn Store) {
    for n in 0..10 {
        let deed = deed(&format!("old-{n}"), "user:old", -100 + n);
        write(store, "old", &deed);
    }
    let before = at(-100 + 7);
    let mut removed = Vec::new();
    while removed.last() != Some(&0) {
        removed.push(store.prune_deeds(before, 3).unwrap());
    }
    assert_eq!(removed, [3, 3, 1, 0]);
    let left = store.deeds(&search("user:old", 10)).unwrap().items;
    let left: Vec<_> = left.iter().map(|deed| &*deed.id).collect();
    assert_eq!(left, ["old-9", "old-8", "old-7"]);
}
