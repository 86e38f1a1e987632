//! Money moves once for each entry, to users that there are, and the list of entries says so.

use jiff::SignedDuration;
use ledger::Nanos;
use ledger::book::{Entry, Kind, user_account};

use super::purses::purse;
use super::{Sql, time};
use crate::{Cursor, Deed, EntrySearch, Posted, Store};

pub(super) fn conform(store: &dyn Store, sql: Sql<'_>) {
    money_moves_once(store, sql);
    only_users_that_there_are_get_money(store, sql);
    no_balance_leaves_its_range(store, sql);
    odd_names_and_notes_come_back(store, sql);
    pages_meet_in_both_directions(store, sql);
}

pub(crate) fn entry(id: &str, user: &str, amount: i64) -> Entry {
    Entry {
        id: id.into(),
        at: time(0),
        kind: Kind::TopUp,
        user: user.into(),
        amount: Nanos(amount),
        author: "admin".into(),
        note: "invoice 17".into(),
    }
}

pub(crate) fn deed(id: &str) -> Deed {
    Deed {
        id: id.into(),
        at: time(0),
        actor: "admin".into(),
        action: "entry.post".into(),
        subject: "user:someone".into(),
        was: None,
        became: Some("{}".into()),
    }
}

/// Makes a user, by a name as it is kept.
pub(super) fn user(sql: Sql<'_>, name: &str) {
    let name = name.replace('\'', "''");
    sql(&format!(
        "INSERT INTO users (name, settings, created_at, updated_at, deleted_at, revision) \
         VALUES ('{name}', '{{}}', 0, 0, 0, 0)"
    ));
}

fn deeds(sql: Sql<'_>, id: &str) -> String {
    sql(&format!("SELECT COUNT(*) FROM audit WHERE id = '{id}'"))
}

fn credited(store: &dyn Store, user: &str) -> i64 {
    purse(store, &user_account(user)).credited.0
}

fn money_moves_once(store: &dyn Store, sql: Sql<'_>) {
    user(sql, "book-a");
    user(sql, "book-b");
    let post = |entry: &Entry| store.post(entry, &deed(&format!("deed-{}", entry.id)));
    let first = entry("book-1", "book-a", 50);
    assert_eq!(post(&first).unwrap(), Posted::New);
    assert_eq!(credited(store, "book-a"), 50);
    let told_otherwise = Entry {
        note: "other words".into(),
        at: time(5),
        ..first.clone()
    };
    assert_eq!(post(&first).unwrap(), Posted::Known);
    assert_eq!(post(&told_otherwise).unwrap(), Posted::Known);
    for other in [
        entry("book-1", "book-a", 51),
        entry("book-1", "book-a", -50),
        entry("book-1", "book-b", 50),
        entry("book-1", "book-nobody", 50),
        Entry {
            kind: Kind::Credit,
            ..first.clone()
        },
    ] {
        assert_eq!(post(&other).unwrap(), Posted::Other, "{other:?}");
    }
    assert_eq!(deeds(sql, "deed-book-1"), "1", "one thing was done");
    assert_eq!(post(&entry("book-2", "book-a", -80)).unwrap(), Posted::New);
    assert_eq!(
        (credited(store, "book-a"), credited(store, "book-b")),
        (-30, 0)
    );
    let found = store.entries(&of("book-a", 10)).unwrap();
    assert_eq!(found.items, [entry("book-2", "book-a", -80), first]);
    assert_eq!(found.next, None);
    for kind in Kind::ALL {
        let id = format!("book-{}", kind.as_str());
        let entry = Entry {
            kind,
            ..entry(&id, "book-b", 1)
        };
        assert_eq!(post(&entry).unwrap(), Posted::New);
    }
    assert_eq!(credited(store, "book-b"), 4);
}

fn only_users_that_there_are_get_money(store: &dyn Store, sql: Sql<'_>) {
    let absent = entry("book-3", "book-absent", 1);
    assert_eq!(
        store.post(&absent, &deed("deed-3")).unwrap(),
        Posted::NoUser
    );
    user(sql, "book-gone");
    let before = entry("book-4", "book-gone", 1);
    assert_eq!(store.post(&before, &deed("deed-4")).unwrap(), Posted::New);
    sql("UPDATE users SET deleted_at = 1 WHERE name = 'book-gone'");
    let after = entry("book-5", "book-gone", 1);
    assert_eq!(store.post(&after, &deed("deed-5")).unwrap(), Posted::NoUser);
    assert_eq!(store.post(&before, &deed("deed-4")).unwrap(), Posted::Known);
    assert_eq!(credited(store, "book-gone"), 1);
    assert_eq!(purse(store, "user:book-absent").credited, Nanos::ZERO);
    assert_eq!(deeds(sql, "deed-3"), "0");
    assert_eq!(deeds(sql, "deed-5"), "0");
}

fn no_balance_leaves_its_range(store: &dyn Store, sql: Sql<'_>) {
    user(sql, "book-rich");
    let post = |id: &str, amount| store.post(&entry(id, "book-rich", amount), &deed(id));
    let nothing = post("book-none", 0).unwrap_err().to_string();
    assert!(nothing.contains("nothing"), "{nothing}");
    assert_eq!(post("book-rich-1", i64::MAX - 5).unwrap(), Posted::New);
    let beyond = post("book-rich-2", 6).unwrap_err().to_string();
    assert!(
        beyond.contains("beyond 9223372036.854775807 USD"),
        "{beyond}"
    );
    assert_eq!(deeds(sql, "book-rich-2"), "0");
    assert_eq!(post("book-rich-2", 5).unwrap(), Posted::New);
    assert_eq!(post("book-rich-1", i64::MAX - 5).unwrap(), Posted::Known);
    assert!(post("book-rich-3", i64::MIN).is_err());
    assert_eq!(post("book-rich-3", -i64::MAX).unwrap(), Posted::New);
    assert_eq!(credited(store, "book-rich"), 0);
}

fn odd_names_and_notes_come_back(store: &dyn Store, sql: Sql<'_>) {
    for (n, name) in super::odd_names().into_iter().enumerate() {
        let kept: String = name.replace('\0', "\u{fffd}").chars().take(255).collect();
        user(sql, &kept);
        let mut odd = entry(&format!("book-odd-{n}"), &name, 7);
        odd.author = name.clone();
        odd.note = format!("'); DROP TABLE entries; -- {name}");
        let mut done = deed(&format!("deed-odd-{n}"));
        done.actor = name.clone();
        done.subject = user_account(&name);
        done.was = Some(name.clone());
        assert_eq!(store.post(&odd, &done).unwrap(), Posted::New);
        assert_eq!(store.post(&odd, &done).unwrap(), Posted::Known);
        assert_eq!(credited(store, &name), 7, "{name:?}");
        odd.note = odd.note.replace('\0', "\u{fffd}");
        (odd.user, odd.author) = (kept.clone(), kept);
        assert_eq!(store.entries(&of(&name, 10)).unwrap().items, [odd]);
    }
}

fn pages_meet_in_both_directions(store: &dyn Store, sql: Sql<'_>) {
    user(sql, "book-paged");
    user(sql, "book-other");
    // Three times of 7 entries each: pages of 4 end inside equal times.
    for n in 0..21 {
        let amount = if n % 3 == 0 { -1 } else { 2 };
        for (id, user) in [("page", "book-paged"), ("pass", "book-other")] {
            let mut entry = entry(&format!("book-{id}-{n:02}"), user, amount);
            entry.at = time(1_000_000) + SignedDuration::from_micros(n / 7);
            assert_eq!(store.post(&entry, &deed(&entry.id)).unwrap(), Posted::New);
        }
    }
    let mut expected: Vec<_> = (0..21).map(|n| format!("book-page-{n:02}")).collect();
    expected.reverse();
    for limit in [1, 4, 7, 20, 21, 22] {
        assert_eq!(pages(store, of("book-paged", limit)), expected, "{limit}");
    }
    let mut all = EntrySearch {
        user: None,
        ..of("", 5)
    };
    let every = pages(store, all.clone());
    assert!(
        every
            .iter()
            .filter(|id| expected.contains(id))
            .eq(&expected)
    );
    all.limit = usize::MAX;
    assert_eq!(pages(store, all), every);
}

fn of(user: &str, limit: usize) -> EntrySearch {
    EntrySearch {
        user: Some(user.into()),
        cursor: None,
        limit,
    }
}

/// The ids of all pages.
fn pages(store: &dyn Store, mut search: EntrySearch) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = store.entries(&search).unwrap();
        assert!(page.items.len() <= search.limit && !page.items.is_empty());
        seen.extend(page.items.into_iter().map(|entry| entry.id));
        let Some(next) = page.next else { return seen };
        search.cursor = Some(next.to_string().parse::<Cursor>().unwrap());
    }
}
