//! A running configuration that learns from the store.
#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::rows::{DocumentKind, UserRow};

const GROUPS: &str = "groups: {vip: {usable_by: [vip, partner]}, none: {usable_by: []}, auto: {order: [vip]}}\n\
    group_ratios: {special: {vip: 0.5}}\n\
    channels: [{name: a, provider: openai, keys: [k], models: [gpt-4o], groups: [default, vip]}]\n";

fn live(yaml: &str) -> Live {
    Live::from_text(yaml, &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn group(name: &str, body: &str) -> Document {
    Document {
        kind: DocumentKind::Group,
        name: name.into(),
        body: body.into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        revision: 1,
    }
}

fn user(name: &str, settings: &str, revision: u64) -> UserRow {
    UserRow {
        name: name.into(),
        settings: settings.into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        deleted_at: None,
        revision,
    }
}

/// Each expected text begins one problem, in this order; `!` marks an error, `?` a warning.
fn check(said: Result<Vec<Problem>, Vec<Problem>>, expected: &[&str]) {
    let problems = said.unwrap_or_else(|problems| problems);
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}{problem}", if problem.is_error() { '!' } else { '?' }))
        .collect();
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{lines:?}");
    }
}

#[test]
fn documents_are_taken_up_and_kept_by_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    fs::write(&file, "gateway: {retries: 1}\n").unwrap();
    let live = Live::start(file.clone(), Box::new(|_| None)).unwrap_or_else(|p| panic!("{p:?}"));
    let numbers = live.subscribe();
    let documents = vec![group("pro", "{}"), group("b", "{}")];
    let taken = live.take_up(documents.clone()).unwrap();
    assert!(taken.changed && taken.number == 2 && *numbers.borrow() == 2);
    assert!(live.load().groups.contains_key("pro"));
    let reversed = documents.iter().rev().cloned().collect();
    assert!(
        !live.take_up(reversed).unwrap().changed,
        "the same documents"
    );
    assert!(!live.reload().unwrap().changed, "the same files");

    fs::write(&file, "gateway: {retries: 2}\n").unwrap();
    let reloaded = live.reload().unwrap();
    assert!(reloaded.changed && live.load().groups.contains_key("pro"));
    let hash = |generation: &str| generation.split_once('-').unwrap().1.to_string();
    assert_ne!(hash(&reloaded.generation), hash(&taken.generation));

    // Whoever asks what is wrong is told of the documents that wait.
    let waiting = vec![group("pro", r#"{"ratio": "high"}"#)];
    assert!(live.take_up(waiting).is_err());
    check(live.check(), &["!groups.pro.ratio: expected a ratio"]);
    assert!(!live.take_up(documents).unwrap().changed && live.check().is_ok());

    // A name that the files take now.
    fs::write(&file, "groups: {pro: }\n").unwrap();
    check(live.check(), &["!groups.pro: given in the files too"]);
    assert!(live.reload().is_err() && !live.is_valid());
    assert_eq!(live.load().gateway.retries, 2, "nothing changed");
    // Documents change all the same, beside the files that run.
    assert!(live.take_up(vec![group("c", "{}")]).unwrap().changed);
    assert!(!live.is_valid(), "the files are still wrong");
    assert_eq!(live.load().gateway.retries, 2);
    assert!(live.reload().unwrap().changed && live.is_valid());
    let now = live.load();
    assert!(now.groups.contains_key("pro") && now.groups.contains_key("c"));
}

#[test]
fn documents_that_do_not_compile_change_nothing() {
    let live = live("log: {level: info}\n");
    let before = live.full();
    let wrong = || vec![group("pro", r#"{"ratio": "high"}"#)];
    let expected = "!groups.pro.ratio: expected a ratio";
    assert!(live.check_documents(wrong()).unwrap_err()[0].path == "groups.pro.ratio");
    check(
        live.take_up(wrong()).map(|taken| taken.warnings),
        &[expected],
    );
    assert!(!live.is_valid() && Arc::ptr_eq(&before, &live.full()));
    check(live.check(), &[expected]);
    assert!(live.check_documents(vec![group("pro", "{}")]).is_ok());
    assert!(
        Arc::ptr_eq(&before, &live.full()),
        "a check takes nothing up"
    );
    assert!(!live.take_up(Vec::new()).unwrap().changed && live.is_valid());
    assert!(live.check().is_ok(), "what is gone is wrong no more");
}

#[test]
fn settings_of_users_are_checked() {
    let live = live(GROUPS);
    let cases: [(&str, &[&str]); 9] = [
        (
            r#"{"role": "admin", "group": "vip", "enabled": true, "unlimited": false, "limits": {"rpm": 1}, "note": "n"}"#,
            &[],
        ),
        ("{}", &[]),
        (r#"{"group": "partner"}"#, &[]),
        (r#"{"group": "special"}"#, &[]),
        (
            r#"{"group": "vpi"}"#,
            &["!group: no group is called `vpi` — did you mean `vip`?"],
        ),
        (
            r#"{"group": "auto"}"#,
            &["!group: auto is no group of its own"],
        ),
        (
            r#"{"grop": "vip", "role": "king", "limits": {"rps": 1}}"#,
            &[
                "!role: expected one of root, admin, user",
                "!limits.rps: unknown key",
                "?limits: limits nothing",
                "!grop: unknown key — did you mean `group`?",
            ],
        ),
        ("[1]", &["!settings: expected a map, found a list"]),
        ("{", &["!settings: not readable as JSON"]),
    ];
    for (settings, expected) in cases {
        check(live.check_user(settings), expected);
    }
}

#[test]
fn settings_of_keys_are_checked_against_their_user() {
    let live = live(GROUPS);
    let plain = user("ann", "{}", 1);
    let vip = user("bob", r#"{"group": "vip"}"#, 1);
    let partner = user("cid", r#"{"group": "partner"}"#, 1);
    let root = user("root", "{}", 0);
    let cases: [(&UserRow, &str, &[&str]); 14] = [
        (&plain, "{}", &[]),
        (
            &vip,
            r#"{"group": "vip", "models": ["gpt-*"], "budget": "1.5"}"#,
            &[],
        ),
        (&partner, r#"{"group": "vip"}"#, &[]),
        (
            &plain,
            r#"{"group": "vip"}"#,
            &["!group: not a group that users of \"default\" may use — it may use: default"],
        ),
        (
            &plain,
            r#"{"group": "vpi"}"#,
            &["!group: no group is called `vpi`"],
        ),
        (
            &plain,
            r#"{"group": "auto"}"#,
            &["!group: tries no group that this user may use"],
        ),
        (&vip, r#"{"group": "auto"}"#, &[]),
        (
            &partner,
            "{}",
            &["!group: missing, and keys cannot use the user's own group \"partner\""],
        ),
        (&root, r#"{"group": "vip"}"#, &[]),
        (
            &root,
            r#"{"group": "none"}"#,
            &["?group: no enabled channel serves its group \"none\""],
        ),
        (
            &plain,
            r#"{"models": ["o3"]}"#,
            &["?models: no channel of group \"default\" serves o3"],
        ),
        (&plain, r#"{"key": "sk-12345678"}"#, &["!key: unknown key"]),
        (
            &plain,
            r#"{"expires_at": "soon", "budgt": 1}"#,
            &[
                "!expires_at: not a time",
                "!budgt: unknown key — did you mean `budget`?",
            ],
        ),
        (
            &plain,
            r#"{"limits": {"rpm": 0}}"#,
            &["!limits.rpm: a limit that lets nothing through"],
        ),
    ];
    for (owner, settings, expected) in cases {
        check(live.check_key(owner, settings), expected);
    }
    let wrong = user("ann", r#"{"grop": 1}"#, 1);
    assert!(live.check_key(&wrong, "{}").is_err());
}

#[test]
fn users_and_keys_are_there_at_once() {
    let live = live(GROUPS);
    let hash = crate::key_hash("sk-1");
    let key = KeyRow {
        id: "k".into(),
        user: "ann".into(),
        name: "n".into(),
        hash,
        previous: None,
        hint: String::new(),
        settings: "{}".into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        deleted_at: None,
        revision: 2,
    };
    let now = Timestamp::now();
    assert!(live.directory().caller(&hash, now).is_none());
    live.learn(vec![user("ann", "{}", 1)], vec![key]);
    assert!(live.directory().caller(&hash, now).is_some());
    live.learn(vec![user("ann", r#"{"enabled": false}"#, 3)], vec![]);
    assert!(live.directory().caller(&hash, now).is_none());
}
