//! Documents are told apart by kind and name, and really go when they are removed.

use config::rows::{Document, DocumentKind};

use super::{at, deed, done, stale};
use crate::{Change, Changed, Store, StoreError};

pub(super) fn conform(store: &dyn Store) {
    let before = store.revisions().unwrap();
    assert_eq!(store.documents().unwrap(), []);
    let kept = all_kinds(store);
    let changed = Document {
        body: "{\"changed\":true}".into(),
        ..kept[0].clone()
    };
    let second = done(store, Change::SetDocument(&changed), 2);
    stale(store, Change::SetDocument(&changed));
    stale(store, Change::RemoveDocument(&changed));
    let changed = Document {
        revision: second,
        updated_at: at(2),
        ..changed
    };
    assert_eq!(store.documents().unwrap()[0], changed);
    assert_eq!(store.documents().unwrap()[1..], kept[1..]);

    let deed = deed("removed");
    let remove = || store.change(Change::RemoveDocument(&changed), &deed, at(3));
    let gone = remove().unwrap();
    let revision = second + 1;
    assert_eq!(gone, Changed::Done { revision });
    assert_eq!(remove().unwrap(), gone, "told again how it ended");
    assert_eq!(store.documents().unwrap(), kept[1..]);
    stale(store, Change::SetDocument(&changed));
    done(store, Change::AddDocument(&changed), 4);
    let after = store.revisions().unwrap();
    assert_eq!(after.configuration, before.configuration + 6);
    assert_eq!(after.accounts, before.accounts);
    a_long_body_is_refused(store);
    what_was_tried_out_beside_others_is_kept_beside_them(store, &kept[1]);
}

fn what_was_tried_out_beside_others_is_kept_beside_them(store: &dyn Store, document: &Document) {
    let counted = store.revisions().unwrap().configuration;
    let set = Change::SetDocument(document);
    let (late, early) = (deed("beside-late"), deed("beside-early"));
    let beside = |counted, deed| store.change_beside(counted, set, deed, at(5)).unwrap();
    assert_eq!(beside(counted - 1, &late), Changed::Stale);
    assert_eq!(store.revisions().unwrap().configuration, counted);
    let revision = counted + 1;
    assert_eq!(beside(counted, &early), Changed::Done { revision });
}

/// One of each, all of one name.
fn all_kinds(store: &dyn Store) -> Vec<Document> {
    let kinds = DocumentKind::ALL.into_iter().map(|kind| Document {
        kind,
        name: "same".into(),
        body: format!("{{\"is\":\"{}\"}}", kind.as_str()),
        created_at: at(0),
        updated_at: at(1),
        revision: 0,
    });
    let mut documents: Vec<_> = kinds.collect();
    for document in &mut documents {
        let revision = done(store, Change::AddDocument(document), 1);
        stale(store, Change::AddDocument(document));
        document.revision = revision;
    }
    assert_eq!(store.documents().unwrap(), documents);
    documents
}

fn a_long_body_is_refused(store: &dyn Store) {
    let long = Document {
        kind: DocumentKind::Channel,
        name: "long".into(),
        body: "x".repeat((1 << 20) + 1),
        created_at: at(0),
        updated_at: at(0),
        revision: 0,
    };
    let add =
        |document: &Document| store.change(Change::AddDocument(document), &deed("too-long"), at(0));
    let error = add(&long).unwrap_err();
    assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
    let fits = Document {
        body: "x".repeat(1 << 20),
        ..long
    };
    assert_ne!(add(&fits).unwrap(), Changed::Stale);
    let kept = store.documents().unwrap();
    assert!(kept.iter().any(|document| document.body == fits.body));
}
