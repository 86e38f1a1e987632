//! A store that changes, and what is known of it.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use config::rows::{Document, DocumentKind, KeyRow, Unreadable, UserRow};
use jiff::Timestamp;
use store::{Change, Changed, Deed, KeySearch, Revisions};

use super::*;

/// Rows in memory.
#[derive(Default)]
struct Kept {
    revisions: Revisions,
    users: Vec<UserRow>,
    keys: Vec<KeyRow>,
    documents: Vec<Document>,
    /// These rows, by name or id, are none that can be read.
    spoilt: Vec<&'static str>,
    is_away: bool,
    /// How often rows were asked for.
    readings: usize,
}

#[derive(Default)]
struct Fake(Mutex<Kept>);

impl Fake {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn read<T>(&self, what: impl Fn(&Kept) -> T) -> Result<T, StoreError> {
        let mut kept = self.kept();
        kept.readings += 1;
        match kept.is_away {
            true => Err(StoreError::Opening),
            false => Ok(what(&kept)),
        }
    }

    fn add_user(&self, name: &str) {
        let mut kept = self.kept();
        kept.revisions.accounts += 1;
        let row = UserRow {
            name: name.into(),
            settings: "{}".into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
            revision: kept.revisions.accounts,
        };
        kept.users.push(row);
    }

    fn add_key(&self, key: &str, user: &str) {
        let mut kept = self.kept();
        kept.revisions.accounts += 1;
        let row = KeyRow {
            id: key.into(),
            user: user.into(),
            name: key.into(),
            hash: config::key_hash(key),
            previous: None,
            hint: String::new(),
            settings: "{}".into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
            revision: kept.revisions.accounts,
        };
        kept.keys.push(row);
    }

    fn add_group(&self, name: &str, body: &str) {
        let mut kept = self.kept();
        kept.revisions.configuration += 1;
        let document = Document {
            kind: DocumentKind::Group,
            name: name.into(),
            body: body.into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            revision: kept.revisions.configuration,
        };
        kept.documents.push(document);
    }
}

fn page<T: Clone>(
    kept: &Kept,
    rows: &[T],
    from: u64,
    row: impl Fn(&T) -> (&'static str, &str, u64),
) -> Vec<Read<T>> {
    let after = rows.iter().filter(|one| row(one).2 > from);
    let read = |one: &T| {
        let (kind, name, revision) = row(one);
        match kept.spoilt.contains(&name) {
            false => Ok(one.clone()),
            true => Err(Unreadable {
                kind: kind.into(),
                name: name.into(),
                why: "odd".into(),
                revision,
            }),
        }
    };
    after.take(MAX_ROWS).map(read).collect()
}

impl Accounts for Fake {
    fn revisions(&self) -> Result<Revisions, StoreError> {
        let kept = self.kept();
        match kept.is_away {
            true => Err(StoreError::Opening),
            false => Ok(kept.revisions),
        }
    }
    fn users_since(&self, from: u64) -> Result<Vec<Read<UserRow>>, StoreError> {
        self.read(|kept| {
            page(kept, &kept.users, from, |row| {
                ("user", &row.name, row.revision)
            })
        })
    }
    fn keys_since(&self, from: u64) -> Result<Vec<Read<KeyRow>>, StoreError> {
        self.read(|kept| page(kept, &kept.keys, from, |row| ("key", &row.id, row.revision)))
    }
    fn all_documents(&self) -> Result<Vec<Read<Document>>, StoreError> {
        self.read(|kept| {
            page(kept, &kept.documents, 0, |row| {
                (row.kind.as_str(), &row.name, row.revision)
            })
        })
    }
    fn user(&self, _: &str) -> Result<Option<UserRow>, StoreError> {
        unreachable!()
    }
    fn users(&self, _: Option<&str>, _: usize) -> Result<Vec<UserRow>, StoreError> {
        unreachable!()
    }
    fn key(&self, _: &str) -> Result<Option<KeyRow>, StoreError> {
        unreachable!()
    }
    fn keys(&self, _: &KeySearch) -> Result<Vec<KeyRow>, StoreError> {
        unreachable!()
    }
    fn change(&self, _: Change<'_>, _: &Deed, _: Timestamp) -> Result<Changed, StoreError> {
        unreachable!()
    }
    fn change_beside(
        &self,
        _: u64,
        _: Change<'_>,
        _: &Deed,
        _: Timestamp,
    ) -> Result<Changed, StoreError> {
        unreachable!()
    }
}

fn live(yaml: &str) -> Arc<Live> {
    let live = Live::from_text(yaml, &|_| None);
    Arc::new(live.unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn knows(live: &Live, key: &str) -> bool {
    let hash = config::key_hash(key);
    live.directory().caller(&hash, Timestamp::now()).is_some()
}

#[test]
fn what_changes_is_known_and_nothing_is_read_twice() {
    let store = Arc::new(Fake::default());
    let live = live("log: {level: info}\n");
    let rows = Rows::new(Arc::clone(&live), store.clone());
    store.add_user("ann");
    store.add_key("sk-1", "ann");
    assert!(!rows.are_known());
    rows.refresh().unwrap();
    assert!(rows.are_known() && knows(&live, "sk-1"));
    let readings = store.kept().readings;
    rows.refresh().unwrap();
    assert_eq!(store.kept().readings, readings, "nothing changed");
    store.add_key("sk-2", "ann");
    store.add_group("pro", "{}");
    rows.refresh().unwrap();
    assert!(knows(&live, "sk-2") && live.load().groups.contains_key("pro"));
}

#[test]
fn many_rows_are_read_in_pages() {
    let store = Arc::new(Fake::default());
    store.add_user("ann");
    for number in 0..2 * MAX_ROWS {
        store.add_key(&format!("sk-{number}"), "ann");
    }
    let live = live("log: {level: info}\n");
    Rows::new(Arc::clone(&live), store).refresh().unwrap();
    assert!(knows(&live, "sk-0") && knows(&live, &format!("sk-{}", 2 * MAX_ROWS - 1)));
}

#[test]
fn a_store_that_is_away_takes_nothing_away() {
    let store = Arc::new(Fake::default());
    let live = live("log: {level: info}\n");
    let rows = Rows::new(Arc::clone(&live), store.clone());
    store.kept().is_away = true;
    assert!(rows.refresh().is_err() && !rows.are_known());
    store.kept().is_away = false;
    store.add_user("ann");
    store.add_key("sk-1", "ann");
    rows.refresh().unwrap();
    store.kept().is_away = true;
    store.add_key("sk-2", "ann");
    assert!(rows.refresh().is_err() && knows(&live, "sk-1"));
    store.kept().is_away = false;
    rows.refresh().unwrap();
    assert!(knows(&live, "sk-2"));
}

#[test]
fn a_store_that_went_back_in_time_is_read_from_the_start() {
    let store = Arc::new(Fake::default());
    let live = live("log: {level: info}\n");
    let rows = Rows::new(Arc::clone(&live), store.clone());
    store.add_user("ann");
    store.add_key("sk-1", "ann");
    store.add_key("sk-2", "ann");
    rows.refresh().unwrap();
    assert!(knows(&live, "sk-2"));
    {
        let mut kept = store.kept();
        kept.keys.pop();
        kept.revisions.accounts -= 1;
    }
    rows.refresh().unwrap();
    assert!(knows(&live, "sk-1") && !knows(&live, "sk-2"));
    store.add_key("sk-3", "ann");
    rows.refresh().unwrap();
    assert!(knows(&live, "sk-3"));
}

#[test]
fn documents_that_do_not_compile_are_tried_again_beside_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    std::fs::write(&file, "groups: {pro: }\n").unwrap();
    let live = Live::start(file.clone(), Box::new(|_| None));
    let live = Arc::new(live.unwrap_or_else(|problems| panic!("{problems:?}")));
    let store = Arc::new(Fake::default());
    store.add_group("pro", r#"{"ratio": 2}"#);
    let rows = Rows::new(Arc::clone(&live), store.clone());
    rows.refresh().unwrap();
    assert!(rows.are_known() && !live.is_valid());
    let readings = store.kept().readings;
    rows.refresh().unwrap();
    assert_eq!(
        store.kept().readings,
        readings,
        "the same is not tried twice"
    );
    std::fs::write(&file, "groups: {other: }\n").unwrap();
    live.reload().unwrap();
    rows.refresh().unwrap();
    assert!(live.is_valid());
    assert_eq!(live.load().groups["pro"].ratio.0, 2_000_000_000);
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_told_of() {
    let store = Arc::new(Fake::default());
    let live = live("log: {level: info}\n");
    let rows = Rows::new(Arc::clone(&live), store.clone());
    for user in ["ann", "bob"] {
        store.add_user(user);
        store.add_key(&format!("sk-{user}"), user);
    }
    store.add_group("odd", "{}");
    store.add_group("pro", "{}");
    store.kept().spoilt = vec!["bob", "odd"];
    rows.refresh().unwrap();
    assert!(rows.are_known() && knows(&live, "sk-ann") && !knows(&live, "sk-bob"));
    assert!(live.load().groups.contains_key("pro"));
    let paths: Vec<_> = live.unreadable().into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["groups.odd", "users.bob"]);
    assert_eq!(live.rows_unreadable(), 2);
    let readings = store.kept().readings;
    rows.refresh().unwrap();
    assert_eq!(store.kept().readings, readings, "read once, like any other");
}

#[test]
fn the_thread_follows_and_ends() {
    let store = Arc::new(Fake::default());
    let live = live("log: {level: info}\n");
    let rows = Rows::start(Arc::clone(&live), store.clone()).unwrap();
    store.add_user("ann");
    store.add_key("sk-1", "ann");
    let begin = Instant::now();
    let patient = |begin: Instant| begin.elapsed() < Duration::from_secs(20);
    while !knows(&live, "sk-1") {
        assert!(patient(begin));
        thread::sleep(Duration::from_millis(10));
    }
    drop(rows);
    while Arc::strong_count(&store) > 1 {
        assert!(patient(begin));
        thread::sleep(Duration::from_millis(10));
    }
}
