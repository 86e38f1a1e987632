//! Puts the documents of the store into the tree of the files: one configuration, whoever wrote it.
//!
//! The environment has been put into the files by then, and is never put into documents: who may
//! write one must not read the gateway's environment through it.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::place;
use crate::problem::Problem;
use crate::raw::{self, Node};
use crate::rows::{Document, DocumentKind};
use crate::seal::{self, Sealer};
use crate::snapshot::{Origin, Origins};
use crate::tidy::tidy_json;

/// Parts of a channel that may hold credentials.
const SECRETS: [&str; 2] = ["keys", "headers"];

/// The tree of `files` with the documents in it, and where everything comes from. Sealed keys are
/// opened.
pub(crate) fn merge<'f>(
    files: &'f Node,
    documents: &[Document],
    sealer: Option<&Sealer>,
    problems: &mut Vec<Problem>,
) -> (Cow<'f, Node>, Origins) {
    let mut root = Cow::Borrowed(files);
    let mut origins = of_files(files);
    for document in documents {
        let path = path(document);
        let key = (document.kind, document.name.clone());
        if origins.contains_key(&key) {
            problems.push(
                Problem::error(path, "given in the files too")
                    .hint("names are unique: take it out of the files, or give this another name"),
            );
            continue;
        }
        if let Some(node) = read(document, &path, sealer, problems) {
            add(root.to_mut(), document, node);
            origins.insert(key, Origin::Store);
        }
    }
    (root, origins)
}

/// The hash of files and documents together; that of the files where there are none.
pub(crate) fn hash(files: &str, documents: &[Document]) -> String {
    if documents.is_empty() {
        return files.to_string();
    }
    let mut hasher = Sha256::new_with_prefix(files);
    for document in documents {
        for part in [document.kind.as_str(), &document.name, &document.body] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Where the document stands in the configuration.
pub(crate) fn path(document: &Document) -> String {
    place::key(section(document.kind), &document.name)
}

/// The section whose item or entry it is.
const fn section(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Channel => "channels",
        DocumentKind::Group => "groups",
        DocumentKind::Model => "models",
    }
}

fn of_files(files: &Node) -> Origins {
    let mut origins = Origins::new();
    for kind in DocumentKind::ALL {
        let names: Vec<&str> = match entry(files, section(kind)) {
            Some(Node::List(items)) => items.iter().filter_map(name).collect(),
            Some(Node::Map(entries)) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        };
        origins.extend(
            names
                .into_iter()
                .map(|name| ((kind, name.to_string()), Origin::File)),
        );
    }
    origins
}

fn name(item: &Node) -> Option<&str> {
    match entry(item, "name")? {
        Node::Text(name) | Node::FromEnv(name) | Node::Mixed(name) => Some(name.trim()),
        _ => None,
    }
}

fn entry<'n>(map: &'n Node, key: &str) -> Option<&'n Node> {
    let Node::Map(entries) = map else {
        return None;
    };
    let found = entries.iter().find(|(known, _)| known == key);
    found.map(|(_, value)| value)
}

/// What stands below the name; `None`: nothing can be made of it, which has been reported.
fn read(
    document: &Document,
    path: &str,
    sealer: Option<&Sealer>,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    let mut node = match raw::parse_json(path, &document.body) {
        Ok(node) => node,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    tidy_json(&mut node, path, problems);
    if document.kind != DocumentKind::Channel {
        return Some(node);
    }
    let Node::Map(entries) = &mut node else {
        let what = format!("expected a map, found {}", node.kind());
        problems.push(Problem::error(path, what).hint("write the keys of a channel"));
        return None;
    };
    if entries.iter().any(|(key, _)| key == "name") {
        problems.push(
            Problem::error(place::key(path, "name"), "a name beside the document's own")
                .hint("take it out: the document has one"),
        );
        return None;
    }
    for (key, value) in entries.iter_mut() {
        if SECRETS.contains(&key.as_str()) {
            hide(value, &place::key(path, key), problems);
        }
        if key == "keys" {
            open(value, document, sealer, problems);
        }
    }
    entries.insert(0, ("name".into(), Node::Text(document.name.clone())));
    Some(node)
}

/// From here on no problem repeats a text in there.
fn hide(node: &mut Node, path: &str, problems: &mut Vec<Problem>) {
    match node {
        Node::Text(text) => *node = Node::Secret(std::mem::take(text)),
        Node::Number(_) | Node::Bool(_) => {
            let what = format!("expected text, found {}", node.kind());
            problems.push(Problem::error(path, what).hint("put it in quotes"));
            *node = Node::Bad;
        }
        Node::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                hide(item, &format!("{path}[{index}]"), problems);
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries {
                hide(value, &place::key(path, key), problems);
            }
        }
        _ => {}
    }
}

/// Opens the keys of a channel that are sealed.
fn open(
    keys: &mut Node,
    document: &Document,
    sealer: Option<&Sealer>,
    problems: &mut Vec<Problem>,
) {
    let Node::List(keys) = keys else {
        return;
    };
    for (index, key) in keys.iter_mut().enumerate() {
        let Node::Secret(text) = key else {
            continue;
        };
        let (what, hint) = match opened(text, &document.name, sealer) {
            Ok(secret) => {
                *key = Node::Secret(secret);
                continue;
            }
            Err(wrong) => wrong,
        };
        let path = path(document);
        problems.push(Problem::error(format!("{path}.keys[{index}]"), what).hint(hint));
        *key = Node::Bad;
    }
}

fn opened(
    text: &str,
    channel: &str,
    sealer: Option<&Sealer>,
) -> Result<String, (String, &'static str)> {
    use secrecy::ExposeSecret;
    match (sealer, seal::parts(text)) {
        (Some(_), None) => Ok(text.to_string()),
        (Some(sealer), Some(_)) => match sealer.open(channel, text) {
            Ok(secret) => Ok(secret.expose_secret().to_string()),
            Err(bad) => Err((
                bad.to_string(),
                "put that encryption_key back, after the one that seals; or set the key anew",
            )),
        },
        (None, Some((id, _))) => Err((
            format!("sealed with the encryption_key {id}, which is not there"),
            "set encryption_key as it was when the key was set",
        )),
        (None, None) => Err((
            "a provider key that nothing encrypts in the store".into(),
            "set encryption_key to a long random word: openssl rand -hex 32",
        )),
    }
}

/// Adds a channel to the list of channels, anything else to the map of its section. A section of
/// another shape is the files' own problem, which is reported when it is read.
fn add(root: &mut Node, document: &Document, node: Node) {
    if root.is_null() {
        *root = Node::Map(Vec::new());
    }
    let Node::Map(sections) = root else {
        return;
    };
    let name = section(document.kind);
    let at = sections.iter().position(|(known, _)| known == name);
    let at = at.unwrap_or_else(|| {
        sections.push((name.into(), Node::Null));
        sections.len() - 1
    });
    let section = &mut sections[at].1;
    let is_channel = document.kind == DocumentKind::Channel;
    match section {
        Node::Null if is_channel => *section = Node::List(vec![node]),
        Node::Null => *section = Node::Map(vec![(document.name.clone(), node)]),
        Node::List(items) if is_channel => items.push(node),
        Node::Map(entries) if !is_channel => entries.push((document.name.clone(), node)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
