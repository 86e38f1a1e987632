//! Whatever a text holds, it is a value: it comes back, finds its row, and is never SQL.

use ledger::Record;

use super::{as_set, ids, record, time};
use crate::{Search, Store};

/// When these records happened, for searches without another filter.
const AT: i64 = 4_000;

pub(super) fn conform(store: &dyn Store) {
    for (number, text) in odd_texts().iter().enumerate() {
        every_field_takes(store, number, text);
    }
    ids_are_exact(store);
    names_are_cut_and_texts_are_long(store);
    nul_is_replaced(store);
    assert!(
        store.request("full").unwrap().is_some(),
        "the table is still there"
    );
}

/// What tries to be something else than a text.
pub(super) fn odd_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "'; DROP TABLE requests; --",
        "x' OR '1'='1",
        "\" OR \"\"=\"",
        "`; DELETE FROM usage_days; #",
        "\\'; SELECT pg_sleep(10); --",
        "$1 ? :name @var %s {} ${x}",
        "/* comment */ -- # ;",
        "Zeile 1\r\nZeile 2\tTab\u{1b}[31m",
        "🦀 emoji 👩‍👩‍👧‍👦 ☂ 漢字 עברית",
        "\u{fffd}\u{feff}\u{202e}\u{10ffff}",
        "a%b_c*d",
        " before and between",
        "ß ẞ SS",
    ]
    .map(Into::into)
    .to_vec();
    texts.push("\\".repeat(200));
    texts.push("'".repeat(255));
    texts.push("🦀".repeat(255));
    texts
}

/// Every text field at once holds it, and every filter finds it.
fn every_field_takes(store: &dyn Store, number: usize, text: &str) {
    let odd = Record {
        client_request_id: Some(text.into()),
        user: text.into(),
        token: text.into(),
        token_id: text.into(),
        group: text.into(),
        model: text.into(),
        upstream_model: Some(text.into()),
        channel: Some(text.into()),
        config: text.into(),
        upstream_request_id: Some(text.into()),
        error: Some(text.into()),
        ..record(&format!("text-{number}"), AT)
    };
    store.put(std::slice::from_ref(&odd)).unwrap();
    assert_eq!(
        store.request(&odd.id).unwrap().as_ref(),
        Some(&odd),
        "{text:?}"
    );
    assert_eq!(store.request(text).unwrap(), None, "{text:?}");
    let given = || Some(text.to_owned());
    for search in [
        Search {
            token: given(),
            ..Search::default()
        },
        Search {
            model: given(),
            ..Search::default()
        },
        Search {
            channel: given(),
            ..Search::default()
        },
    ] {
        assert_eq!(
            ids(store, &search),
            as_set(&[&odd.id]),
            "{text:?} {search:?}"
        );
    }
}

fn ids_are_exact(store: &dyn Store) {
    let names = [
        "id",
        "ID",
        "Id",
        "íd",
        "id'",
        "id\\",
        "id%",
        "🦀",
        "' OR '1'='1",
    ];
    let records: Vec<_> = names.iter().map(|id| record(id, AT)).collect();
    store.put(&records).unwrap();
    for record in records {
        assert_eq!(store.request(&record.id).unwrap(), Some(record));
    }
    assert_eq!(store.request("iD").unwrap(), None);
}

/// Names end after 255 characters and before spaces, texts after 64 KiB: in every database alike.
fn names_are_cut_and_texts_are_long(store: &dyn Store) {
    let long = "é".repeat(32 << 10);
    let given = Record {
        model: long.clone(),
        token: "padded  ".into(),
        channel: Some("x".repeat(300)),
        error: Some(long.clone()),
        ..record("long", AT)
    };
    let longer = Record {
        error: Some(format!("x{long}")),
        ..record("longer", AT)
    };
    store.put(&[given.clone(), longer]).unwrap();
    let kept = store.request("long").unwrap().unwrap();
    assert_eq!(kept.error, Some(long.clone()), "64 KiB come back");
    assert_eq!(kept.model, "é".repeat(255));
    assert_eq!(kept.token, "padded");
    assert_eq!(kept.channel, Some("x".repeat(255)));
    let longer = store.request("longer").unwrap().unwrap().error.unwrap();
    assert_eq!(longer.len(), (64 << 10) - 1, "cut between two characters");
    let search = Search {
        model: Some(long),
        token: Some(given.token),
        ..Search::default()
    };
    assert_eq!(
        ids(store, &search),
        as_set(&["long"]),
        "searched for as it was given"
    );
    // Two ids that are one after the cut are one record.
    let twin = |end: &str| record(&format!("{}{end}", "t".repeat(255)), AT);
    store.put(&[twin("a"), twin("b")]).unwrap();
    store.put(&[twin("c")]).unwrap();
}

fn nul_is_replaced(store: &dyn Store) {
    let nul = Record {
        token: "to\0ken".into(),
        error: Some("a\0b".into()),
        at: time(AT + 1),
        ..record("n\0l", AT)
    };
    store.put(std::slice::from_ref(&nul)).unwrap();
    store.put(&[nul]).unwrap();
    let kept = store.request("n\0l").unwrap().unwrap();
    assert_eq!(kept.id, "n\u{fffd}l");
    assert_eq!(kept.error.as_deref(), Some("a\u{fffd}b"));
    let search = Search {
        token: Some("to\0ken".into()),
        ..Search::default()
    };
    assert_eq!(ids(store, &search), as_set(&["n\u{fffd}l"]));
}
