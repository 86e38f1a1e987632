//! Documents beside files.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::Sources;
use crate::compile::compile_with;
use crate::health::LaneBook;
use crate::snapshot::Snapshot;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const FILES: &str = "encryption_key: 0123456789abcdef0123456789abcdef\n\
    channels: [{name: a, provider: openai, keys: [k], models: [gpt-4o]}]\n\
    groups: {vip: {ratio: 0.8}}\n\
    models: {mine: {price: {input: 1, output: 1}}}\n";

fn document(kind: DocumentKind, name: &str, body: &str) -> Document {
    Document {
        kind,
        name: name.into(),
        body: body.into(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        revision: 1,
    }
}

fn channel(body: &str) -> Document {
    document(DocumentKind::Channel, "b", body)
}

/// Every variable is set.
fn env(name: &str) -> Option<String> {
    let honoured = crate::source::HONOURED.contains(&name);
    (!honoured).then(|| "sk-from-the-environment".into())
}

fn compiled(files: &str, documents: &[Document]) -> Result<Snapshot, Vec<Problem>> {
    let sources = Sources::from_text(files, &env).unwrap();
    compile_with(&sources, documents, &LaneBook::new(), 1)
}

/// Each expected text begins one error, in this order, and there is no other.
fn check(files: &str, documents: &[Document], expected: &[&str]) {
    let problems = compiled(files, documents).err().unwrap_or_default();
    let lines: Vec<String> = problems
        .iter()
        .filter(|problem| problem.is_error())
        .map(Problem::to_string)
        .collect();
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{lines:?}");
        assert!(!line.contains("sk-"), "{line}");
    }
}

fn sealed(channel: &str, secret: &str) -> String {
    sealer(KEY).seal(channel, secret)
}

fn sealer(key: &str) -> Sealer {
    Sealer::new([&SecretString::from(key)]).unwrap()
}

#[test]
fn channels_groups_and_models_of_the_store_are_part_of_the_configuration() {
    let body = format!(
        r#"{{"provider": "openai", "keys": ["{}"], "models": ["o3"], "groups": ["pro"], "weight": 3}}"#,
        sealed("b", "sk-upstream")
    );
    let documents = [
        channel(&body),
        document(DocumentKind::Group, "pro", r#"{"ratio": 0.5}"#),
        document(
            DocumentKind::Model,
            "o3",
            r#"{"price": {"input": 0.1, "output": 2.50}}"#,
        ),
    ];
    let snapshot = compiled(FILES, &documents).unwrap_or_else(|problems| panic!("{problems:?}"));
    let names: Vec<&str> = snapshot.channels.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["a", "b"]);
    let key = &snapshot.channels[1].keys[0];
    assert_eq!(key.secret.expose_secret(), "sk-upstream");
    assert_eq!(snapshot.groups["pro"].ratio.0, 500_000_000);
    let price = snapshot.prices.price("o3", "o3", Timestamp::now()).unwrap();
    assert_eq!(price.tiers[0].rates.input, 100_000_000);
    for (kind, name, origin) in [
        (DocumentKind::Channel, "a", Some(Origin::File)),
        (DocumentKind::Channel, "b", Some(Origin::Store)),
        (DocumentKind::Group, "vip", Some(Origin::File)),
        (DocumentKind::Group, "pro", Some(Origin::Store)),
        (DocumentKind::Group, "default", None),
        (DocumentKind::Model, "mine", Some(Origin::File)),
        (DocumentKind::Model, "o3", Some(Origin::Store)),
        (DocumentKind::Model, "gpt-4o", None),
    ] {
        assert_eq!(snapshot.origin(kind, name), origin, "{kind:?} {name}");
    }
}

#[test]
fn without_files_documents_stand_alone() {
    let body = r#"{"provider": "custom", "base_url": "http://h", "formats": ["chat"], "models": ["m"],
        "options": {"auth": "none"}}"#;
    let documents = [
        channel(body),
        document(DocumentKind::Group, "default", r#"{"ratio": 2}"#),
    ];
    let snapshot = compiled("", &documents).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(snapshot.channels.len(), 1);
    assert_eq!(snapshot.groups["default"].ratio.0, 2_000_000_000);
    assert!(snapshot.sealer.is_none());
}

#[test]
fn a_name_is_given_in_one_place() {
    let files = "channels: [{name: '${NAME}', provider: openai, keys: [k], models: [m]}]\n\
        groups: {b: }\nmodels: {b: {max_output: 1}}\n";
    let taken = document(DocumentKind::Channel, "sk-from-the-environment", "{}");
    let problems = compiled(files, &[taken]).err().unwrap();
    assert!(problems[0].what.contains("given in the files too"));
    let documents = [
        document(DocumentKind::Group, "b", "{}"),
        document(DocumentKind::Model, "b", "{}"),
    ];
    let expected = [
        "groups.b: given in the files too",
        "models.b: given in the files too",
    ];
    check(files, &documents, &expected);
}

#[test]
fn the_environment_stays_out_of_documents() {
    let body = r#"{"provider": "openai", "keys": ["${SECRET}"], "models": ["${SECRET}", "$${X}"],
        "system_prompt": "${SECRET}", "headers": {"set": {"x-a": "${SECRET}"}}}"#;
    let snapshot = compiled(FILES, &[channel(body)]).unwrap_or_else(|p| panic!("{p:?}"));
    let channel = &snapshot.channels[1];
    assert_eq!(channel.keys[0].secret.expose_secret(), "${SECRET}");
    assert_eq!(channel.models[0].as_str(), "${SECRET}");
    assert_eq!(channel.models[1].as_str(), "$${X}");
    assert_eq!(channel.system_prompt, "${SECRET}");
    assert_eq!(channel.header_set[0].1, "${SECRET}");
}

#[test]
fn a_key_that_cannot_be_opened_is_told_without_it() {
    let with = |key: &str| {
        channel(&format!(
            r#"{{"provider": "openai", "keys": ["{key}"], "models": ["m"]}}"#
        ))
    };
    let other = sealer("another-key-of-the-operator").seal("b", "sk-upstream");
    let (id, _) = seal::parts(&other).unwrap();
    let missing =
        format!("channels.b.keys[0]: sealed with the encryption_key {id}, which is not there");
    check(FILES, &[with(&other)], &[&missing]);
    check("", &[with(&other)], &[&missing]);
    let moved = "channels.b.keys[0]: changed since it was sealed, or sealed for another channel";
    check(FILES, &[with(&sealed("c", "sk-upstream"))], &[moved]);
    let plain = "channels.b.keys[0]: a provider key that nothing encrypts in the store";
    check("", &[with("sk-upstream")], &[plain]);
    let rotated = FILES.replace(KEY, &format!("[another-key-of-the-operator, {KEY}]"));
    let documents = [with(&sealed("b", "sk-upstream"))];
    let snapshot = compiled(&rotated, &documents).unwrap_or_else(|p| panic!("{p:?}"));
    let sealer = snapshot.sealer.as_ref().unwrap();
    assert!(!sealer.is_current(&sealed("b", "sk-upstream")));
    assert!(sealer.is_current(&other));
}

#[test]
fn the_encryption_key_may_come_from_the_environment() {
    let env = |name: &str| (name == "CRYPTO_SECRET").then(|| KEY.to_string());
    let sources = Sources::from_text("", &env).unwrap();
    let body = format!(
        r#"{{"provider": "openai", "keys": ["{}"], "models": ["m"]}}"#,
        sealed("b", "sk-upstream")
    );
    let snapshot = compile_with(&sources, &[channel(&body)], &LaneBook::new(), 1);
    assert!(snapshot.is_ok());
}

#[test]
fn documents_are_checked_like_files() {
    let cases: [(&str, &[&str]); 7] = [
        ("[]", &["channels.b: expected a map, found a list"]),
        (
            "{",
            &["channels.b: not readable as JSON at line 1, column 1"],
        ),
        (
            r#"{"name": "c"}"#,
            &["channels.b.name: a name beside the document's own"],
        ),
        (
            r#"{"provider": "openai", "keys": "sk-1", "models": ["m"]}"#,
            &["channels.b.keys: expected a list, found a secret"],
        ),
        (
            r#"{"provider": "openai", "keys": [17], "models": ["m"]}"#,
            &["channels.b.keys[0]: expected text, found a number"],
        ),
        (
            r#"{"provider": "opnai", "kees": ["sk-1"], "headers": {"set": "sk-1"}, "models": ["m"], "weight": 1, "weight": 2}"#,
            &[
                "channels.b.weight: given twice in the same map",
                "channels.b.provider: no provider is called `opnai`",
                "channels.b.headers.set: expected a map, found a secret",
                "channels.b.kees: unknown key",
            ],
        ),
        (
            r#"{"provider": "openai", "keys": ["sk 1"], "headers": {"set": {"host": "sk-1"}}, "models": []}"#,
            &[
                "channels.b.models: no model",
                "channels.b.headers.set.host: a header the gateway sets itself",
            ],
        ),
    ];
    for (body, expected) in cases {
        check(FILES, &[channel(body)], expected);
    }
    let documents = [
        document(DocumentKind::Group, "pro", r#"{"ration": 1}"#),
        document(DocumentKind::Model, "m", "3"),
    ];
    let expected = ["groups.pro.ration: unknown key", "models.m: expected a map"];
    check(FILES, &documents, &expected);
    check(
        "channels: 3\n",
        &[document(DocumentKind::Group, "p", "{}")],
        &["channels: expected a list"],
    );
}

#[test]
fn the_hash_covers_every_part_of_every_document() {
    let one = [channel("{}")];
    let hashes = [
        hash("files", &[]),
        hash("files", &one),
        hash("other", &one),
        hash("files", &[channel("{ }")]),
        hash("files", &[document(DocumentKind::Group, "b", "{}")]),
        hash("files", &[document(DocumentKind::Channel, "b{", "}")]),
    ];
    assert_eq!(hashes[0], "files");
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn a_document_is_not_shown_in_debug_texts() {
    let text = format!("{:?}", channel(r#"{"headers": {"set": {"x": "sk-1"}}}"#));
    assert!(text.contains("\"b\"") && !text.contains("sk-1"), "{text}");
}

#[test]
fn nothing_is_merged_into_a_document() {
    let hidden = r#"{"<<": {"keys": ["sk-plain"]}, "provider": "openai", "models": ["o3"]}"#;
    check(
        FILES,
        &[channel(hidden)],
        &["channels.b.keys: no key", "channels.b.<<: unknown key"],
    );
    let headers = format!(
        r#"{{"provider": "openai", "keys": ["{}"], "models": ["o3"],
            "headers": {{"<<": {{"set": {{"x-auth": "sk-plain"}}}}}}}}"#,
        sealed("b", "sk-upstream")
    );
    check(
        FILES,
        &[channel(&headers)],
        &["channels.b.headers.<<: unknown key"],
    );
}
