//! A running configuration that learns from the store.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::rows::{DocumentKind, Unreadable, UserRow};

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

fn take_up(live: &Live, documents: Vec<Document>) -> Result<Reloaded, Vec<Problem>> {
    live.take_up(documents.into_iter().map(Ok).collect())
}

fn errors(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.retain(Problem::is_error);
    problems
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
    let taken = take_up(&live, documents.clone()).unwrap();
    assert!(taken.changed && taken.number == 2 && *numbers.borrow() == 2);
    assert!(live.load().groups.contains_key("pro"));
    let reversed = documents.iter().rev().cloned().collect();
    assert!(
        !take_up(&live, reversed).unwrap().changed,
        "the same documents"
    );
    assert!(!live.reload().unwrap().changed, "the same files");

    fs::write(&file, "gateway: {retries: 2}\n").unwrap();
    let reloaded = live.reload().unwrap();
    assert!(reloaded.changed && live.load().groups.contains_key("pro"));
    let hash = |generation: &str| generation.split_once('-').unwrap().1.to_string();
    assert_ne!(hash(&reloaded.generation), hash(&taken.generation));

    // Whoever asks what is wrong is told of the documents that wait.
    let waiting = vec![group("pro", r#"{"ratio": "high"}"#), group("b", "{}")];
    let expected = &["!groups.pro.ratio: expected a ratio"];
    let taken = take_up(&live, waiting).unwrap();
    check(Ok(errors(taken.warnings)), expected);
    assert!(!taken.changed && !live.is_valid());
    check(live.check().map(errors), expected);
    check(Ok(live.unreadable()), expected);
    assert!(!take_up(&live, documents).unwrap().changed && live.check().is_ok());
    assert!(live.is_valid() && live.unreadable().is_empty());

    // A name that the files take now.
    fs::write(&file, "groups: {pro: }\n").unwrap();
    check(live.check(), &["!groups.pro: given in the files too"]);
    assert!(live.reload().is_err() && !live.is_valid());
    assert_eq!(live.load().gateway.retries, 2, "nothing changed");
    // Documents change all the same, beside the files that run.
    assert!(take_up(&live, vec![group("c", "{}")]).unwrap().changed);
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
        take_up(&live, wrong()).map(|taken| errors(taken.warnings)),
        &[expected],
    );
    assert!(!live.is_valid() && Arc::ptr_eq(&before, &live.full()));
    check(live.check(), &[expected]);
    assert!(live.check_documents(vec![group("pro", "{}")]).is_ok());
    assert!(
        Arc::ptr_eq(&before, &live.full()),
        "a check takes nothing up"
    );
    assert!(!take_up(&live, Vec::new()).unwrap().changed && live.is_valid());
    assert!(live.check().is_ok(), "what is gone is wrong no more");
}

#[test]
fn settings_of_users_are_checked() {
    let live = live(GROUPS);
    let cases: [(&str, &[&str]); 10] = [
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
        (
            r#"{"zebra": 1}"#,
            &["!zebra: unknown key — known here: name, role, group,"],
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
    live.learn(vec![Ok(user("ann", "{}", 1))], vec![Ok(key)]);
    assert!(live.directory().caller(&hash, now).is_some());
    live.learn(vec![Ok(user("ann", r#"{"enabled": false}"#, 3))], vec![]);
    assert!(live.directory().caller(&hash, now).is_none());
}

fn document(kind: DocumentKind, name: &str, body: &str) -> Document {
    Document {
        kind,
        ..group(name, body)
    }
}

fn channel(name: &str, more: &str) -> Document {
    let body = format!(
        r#"{{"provider": "custom", "base_url": "http://h", "formats": ["chat"], "models": ["m"], "options": {{"auth": "none"}}{more}}}"#
    );
    document(DocumentKind::Channel, name, &body)
}

/// The names of the channels that run.
fn channels(live: &Live) -> Vec<String> {
    let snapshot = live.load();
    let channels = snapshot.channels.iter();
    channels.map(|channel| channel.name.to_string()).collect()
}

fn started(yaml: &str) -> (tempfile::TempDir, PathBuf, Live) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    fs::write(&file, yaml).unwrap();
    let live = Live::start(file.clone(), Box::new(|_| None)).unwrap_or_else(|p| panic!("{p:?}"));
    (folder, file, live)
}

#[test]
fn only_what_is_broken_and_what_needs_it_is_left_out() {
    let live = live("log: {level: info}\n");
    let documents = vec![
        channel("good", ""),
        channel("good.2", ""),
        channel("bad.2", r#", "wait": 5"#),
        channel("needs", r#", "groups": ["pro"]"#),
        group("pro", r#"{"ratio": "high"}"#),
        group("fine", "{}"),
        document(DocumentKind::Model, "m", "3"),
    ];
    let taken = take_up(&live, documents.clone()).unwrap();
    assert!(taken.changed && !live.is_valid());
    assert_eq!(channels(&live), ["good", "good.2"]);
    let groups = &live.load().groups;
    assert!(groups.contains_key("fine") && !groups.contains_key("pro"));
    assert_eq!(live.rows_unreadable(), 4);
    let expected = [
        "!channels.bad.2.wait: unknown key",
        "!channels.needs.groups[0]: no group is called `pro`",
        "!groups.pro.ratio: expected a ratio",
        "!models.m: expected a map",
    ];
    check(Ok(live.unreadable()), &expected);
    let again = live.load().generation.clone();
    assert!(!take_up(&live, documents).unwrap().changed);
    assert_eq!(live.load().generation, again, "the same of the same");
}

#[test]
fn a_document_that_breaks_goes_on_as_it_was() {
    let live = live("log: {level: info}\n");
    let weight = |live: &Live| live.load().channels[0].weight;
    take_up(
        &live,
        vec![channel("a", r#", "weight": 2"#), channel("b", "")],
    )
    .unwrap();
    let broken = channel("a", r#", "weight": "heavy""#);
    let taken = take_up(&live, vec![broken, channel("c", "")]).unwrap();
    assert!(taken.changed && !live.is_valid());
    assert_eq!(
        (channels(&live), weight(&live)),
        (vec!["a".into(), "c".into()], 2)
    );
    let spoilt = |name: &str| Unreadable {
        kind: "channel".into(),
        name: name.into(),
        why: "odd".into(),
        revision: 9,
    };
    let rows = vec![Err(spoilt("a")), Err(spoilt("z")), Ok(channel("c", ""))];
    live.take_up(rows).unwrap();
    assert_eq!(channels(&live), ["a", "c"]);
    check(
        Ok(live.unreadable()),
        &[
            "!channels.a: a row that cannot be read: odd",
            "!channels.z: a row that cannot be read: odd",
        ],
    );
    take_up(&live, vec![channel("c", "")]).unwrap();
    assert_eq!(channels(&live), ["c"], "what is removed goes");
    assert!(live.is_valid());
}

#[test]
fn files_and_documents_that_change_places_do_not_wait_for_each_other() {
    let (_folder, file, live) = started("groups: {pro: {ratio: 2}}\n");
    let moved = vec![group("pro", r#"{"ratio": 3}"#)];
    take_up(&live, moved).unwrap();
    assert!(!live.is_valid(), "the files have it still");
    let needs = "channels: [{name: a, provider: openai, keys: [k], models: [m], groups: [pro]}]\n";
    fs::write(&file, needs).unwrap();
    let reloaded = live.reload().unwrap();
    assert!(reloaded.changed && live.is_valid());
    assert_eq!(live.load().groups["pro"].ratio.0, 3_000_000_000);
    let told = reloaded.warnings.iter();
    let alone: Vec<_> = told
        .filter(|one| one.what.starts_with("wrong without"))
        .collect();
    assert_eq!(alone[0].path, "channels.a.groups[0]");
    // The files do not compile without a group that is gone.
    assert!(take_up(&live, Vec::new()).is_err() && !live.is_valid());
    assert!(live.load().groups.contains_key("pro"), "nothing changed");
}

#[test]
fn a_reload_is_held_up_by_its_own_faults_only() {
    let (_folder, file, live) = started("groups: {pro: }\n");
    let broken = || channel("b", r#", "wait": 5"#);
    take_up(
        &live,
        vec![channel("a", r#", "groups": ["pro"]"#), broken()],
    )
    .unwrap();
    assert_eq!(channels(&live), ["a"]);
    fs::write(&file, "groups: {pro: }\ngateway: {retries: 7}\n").unwrap();
    let expected = &["!channels.b.wait: unknown key"];
    check(live.check().map(errors), expected);
    assert_eq!(live.load().gateway.retries, 3, "only looked at");
    let reloaded = live.reload().unwrap();
    check(Ok(errors(reloaded.warnings)), expected);
    assert_eq!((live.load().gateway.retries, live.is_valid()), (7, false));
    // A slip of the pen that would take a running channel away.
    fs::write(&file, "groups: {por: }\n").unwrap();
    for refused in [live.check().unwrap_err(), live.reload().unwrap_err()] {
        assert!(refused.iter().any(|one| one.path == "channels.a.groups[0]"));
    }
    assert_eq!(
        (channels(&live), live.load().gateway.retries),
        (vec!["a".into()], 7)
    );
    // Files alone are wrong.
    fs::write(&file, "groups: {pro: }\ngateway: {retries: many}\n").unwrap();
    let refused = live.reload().unwrap_err();
    assert!(refused.iter().any(|one| one.path == "gateway.retries"));
}
