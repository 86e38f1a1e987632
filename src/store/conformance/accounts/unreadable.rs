//! A row that somebody else's hand has spoilt hides no other.

use config::rows::{Document, DocumentKind, Unreadable};

use super::super::Sql;
use super::{at, done, key, user};
use crate::{Change, KeySearch, Store, StoreError};

pub(super) fn conform(store: &dyn Store, sql: Sql<'_>) {
    users(store, sql);
    keys(store, sql);
    documents(store, sql);
}

/// The last possible number, which is no time.
const NEVER: &str = "9223372036854775807";

fn users(store: &dyn Store, sql: Sql<'_>) {
    let names = ["spoilt-1", "spoilt-2", "spoilt-3"];
    let revisions = names.map(|name| done(store, Change::AddUser(&user(name)), 0));
    sql(&format!(
        "UPDATE users SET created_at = {NEVER} WHERE name = 'spoilt-2'"
    ));
    let rows = store.users_since(revisions[0] - 1).unwrap();
    let expected = unreadable("user", names[1], "users", "created_at", revisions[1]);
    assert_eq!(rows[1].as_ref().unwrap_err(), &expected);
    let named = |at: usize| rows[at].as_ref().map(|user| &*user.name);
    assert_eq!((named(0), named(2)), (Ok(names[0]), Ok(names[2])));

    let list = |limit| store.users(Some("spoilt-0"), limit).unwrap();
    let listed = |limit| list(limit).into_iter().map(|user| user.name);
    assert_eq!(listed(2).collect::<Vec<_>>(), [names[0], names[2]]);
    assert_eq!(list(1).len(), 1);
    let error = store.user(names[1]).unwrap_err();
    assert!(matches!(error, StoreError::Row { .. }), "{error}");
    sql("DELETE FROM users WHERE name = 'spoilt-2'");
}

fn keys(store: &dyn Store, sql: Sql<'_>) {
    let ids = ["spoilt-a", "spoilt-b", "spoilt-c"];
    let revisions = ids.map(|id| done(store, Change::AddKey(&key(id, "spoilt-1")), 0));
    sql("UPDATE api_keys SET hash = 'zz' WHERE id = 'spoilt-a'");
    let rows = store.keys_since(revisions[0] - 1).unwrap();
    let expected = unreadable("key", ids[0], "api_keys", "hash", revisions[0]);
    assert_eq!(rows[0].as_ref().unwrap_err(), &expected);
    assert!(rows[1..].iter().all(Result::is_ok));
    let search = KeySearch {
        user: Some("spoilt-1".into()),
        after: None,
        limit: 2,
    };
    let listed = store.keys(&search).unwrap();
    assert_eq!([&*listed[0].id, &*listed[1].id], ids[1..]);
    sql("DELETE FROM api_keys WHERE id = 'spoilt-a'");
}

fn documents(store: &dyn Store, sql: Sql<'_>) {
    let before = store.documents().unwrap();
    let document = Document {
        kind: DocumentKind::Model,
        name: "spoilt".into(),
        body: "{}".into(),
        created_at: at(0),
        updated_at: at(0),
        revision: 0,
    };
    let revision = done(store, Change::AddDocument(&document), 0);
    sql("UPDATE documents SET kind = 'plan' WHERE name = 'spoilt'");
    let rows = store.all_documents().unwrap();
    let bad: Vec<_> = rows.into_iter().filter_map(Result::err).collect();
    let expected = unreadable("plan", "spoilt", "documents", "kind", revision);
    assert_eq!(bad, [expected]);
    assert_eq!(store.documents().unwrap(), before);
    sql("DELETE FROM documents WHERE name = 'spoilt'");
}

fn unreadable(kind: &str, name: &str, table: &str, column: &str, revision: u64) -> Unreadable {
    Unreadable {
        kind: kind.into(),
        name: name.into(),
        why: format!("row of `{table}`: column `{column}` holds an unknown value"),
        revision,
    }
}
