//! The secrets of a channel on their way in and out: provider keys are sealed in the store and shown as
//! fingerprints; what is shown instead of a secret stands for it when it is sent back.

use config::health::fingerprint;
use config::seal::Sealer;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::said::Said;

/// What is shown of a provider key: this and its fingerprint.
const FINGERPRINT: &str = "fingerprint:";
/// What is shown of a key that cannot be opened here, with its place among the keys.
const SEALED: &str = "sealed:#";
/// What is shown of another secret.
const MASK: &str = "••••••";
/// Where a channel is.
const ADDRESS: &str = "base_url";
/// Where a channel sets something that may be a secret.
type Place = (&'static str, &'static str);
const HEADERS: Place = ("headers", "set");
const SET: [Place; 3] = [HEADERS, ("body", "set"), ("body", "default")];
/// Headers that are no secrets. Any other may be one.
const HARMLESS: [&str; 12] = [
    "accept",
    "accept-language",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "http-referer",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "traceparent",
    "user-agent",
    "x-title",
];
/// In a body, texts under names that have one of these are secrets. Numbers are not: `max_tokens`.
const SECRET_WORDS: [&str; 10] = [
    "auth",
    "key",
    "token",
    "secret",
    "cookie",
    "password",
    "signature",
    "credential",
    "session",
    "header",
];

/// The settings of a channel as they are shown.
pub(crate) fn masked(
    channel: &str,
    mut settings: Map<String, Value>,
    sealer: Option<&Sealer>,
) -> Map<String, Value> {
    if let Some(Value::Array(keys)) = settings.get_mut("keys") {
        for (index, key) in keys.iter_mut().enumerate() {
            *key = shown(channel, index, key, sealer).into();
        }
    }
    for place in SET {
        for (name, value) in members(&mut settings, place) {
            *value = hidden(place, name, value);
        }
    }
    if let Some(address) = settings.get_mut(ADDRESS) {
        *address = without_query(address);
    }
    settings
}

/// The address, its query masked: where it is the whole address, that may have a credential.
fn without_query(address: &Value) -> Value {
    let query = address.as_str().and_then(|text| text.split_once('?'));
    query.map_or_else(
        || address.clone(),
        |(base, _)| format!("{base}?{MASK}").into(),
    )
}

fn unmask_address(said: &mut Said, stored: Option<&Map<String, Value>>) {
    let Some(address) = said.members.get_mut(ADDRESS) else {
        return;
    };
    let is_masked = address.as_str().is_some_and(|text| text.ends_with(MASK));
    if !is_masked {
        return;
    }
    match stored.and_then(|stored| stored.get(ADDRESS)) {
        Some(known) if without_query(known) == *address => *address = known.clone(),
        _ => said.finding(ADDRESS, "masked, and the channel has no such address"),
    }
}

fn shown(channel: &str, index: usize, key: &Value, sealer: Option<&Sealer>) -> String {
    let text = key.as_str().unwrap_or_default();
    let opened = sealer.and_then(|sealer| sealer.open(channel, text).ok());
    match opened {
        Some(secret) => format!("{FINGERPRINT}{}", fingerprint(secret.expose_secret())),
        None => format!("{SEALED}{index}"),
    }
}

/// Puts stored secrets back where their masks were sent, and seals new keys.
pub(super) fn seal(
    channel: &str,
    said: &mut Said,
    stored: Option<&Map<String, Value>>,
    sealer: Option<&Sealer>,
) {
    unmask(said, stored);
    unmask_address(said, stored);
    let Some(Value::Array(mut keys)) = said.members.get("keys").cloned() else {
        return;
    };
    let known = known_keys(channel, stored, sealer);
    for (index, key) in keys.iter_mut().enumerate() {
        let Value::String(text) = &*key else { continue };
        let path = format!("keys[{index}]");
        let text = text.trim();
        if text.starts_with(FINGERPRINT) || text.starts_with(SEALED) {
            match known.iter().find(|(mask, _)| mask == text) {
                Some((_, sealed)) => *key = sealed.clone(),
                None => said.finding(&path, "no key of the channel has this fingerprint"),
            }
        } else if known.iter().any(|(_, sealed)| sealed == key) {
            // A patch that does not speak of keys brings them as they are kept.
        } else if Sealer::is_sealed(text) {
            said.finding(&path, "sealed already: send the key itself");
        } else if let Some(sealer) = sealer {
            *key = sealer.seal(channel, text).into();
        } else {
            let what = "there is no encryption_key, which provider keys in the store need";
            said.finding(&path, what);
            *key = Value::Null;
        }
    }
    said.members.insert("keys".into(), keys.into());
}

/// Masks of stored keys, and the keys.
fn known_keys(
    channel: &str,
    stored: Option<&Map<String, Value>>,
    sealer: Option<&Sealer>,
) -> Vec<(String, Value)> {
    let keys = stored.and_then(|stored| stored.get("keys")?.as_array());
    let keys = keys.into_iter().flatten().enumerate();
    keys.map(|(index, key)| (shown(channel, index, key, sealer), key.clone()))
        .collect()
}

/// Puts back what stands behind masks. A value with a mask in it has to be the one that is shown: with
/// anything else changed in it, nobody can tell which secret is meant.
fn unmask(said: &mut Said, stored: Option<&Map<String, Value>>) {
    let mut strangers = Vec::new();
    for place in SET {
        for (name, value) in members(&mut said.members, place) {
            if !has_mask(value) {
                continue;
            }
            let (section, part) = place;
            let known = stored.and_then(|stored| stored.get(section)?.get(part)?.get(name));
            match known.filter(|known| hidden(place, name, known) == *value) {
                Some(secret) => *value = secret.clone(),
                None => strangers.push(format!("{section}.{part}.{name}")),
            }
        }
    }
    for path in strangers {
        said.finding(&path, "masked, and the channel has no such value");
    }
}

/// What a channel sets there.
fn members(
    settings: &mut Map<String, Value>,
    (section, part): Place,
) -> impl Iterator<Item = (&String, &mut Value)> {
    let section = settings.get_mut(section);
    let part = section.and_then(|section| section.get_mut(part)?.as_object_mut());
    part.into_iter().flatten()
}

/// The value as it is shown. What a header is for, its name does not tell; of what is in a body, names do.
fn hidden(place: Place, name: &str, value: &Value) -> Value {
    let name = name.to_ascii_lowercase();
    let is_header = place == HEADERS;
    match is_header {
        true if HARMLESS.contains(&&*name) => value.clone(),
        true => MASK.into(),
        false => hidden_in(&name, value, Shown::ByName),
    }
}

/// Whether texts are shown.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    /// Unless a name says that they are secrets.
    ByName,
    Never,
}

fn hidden_in(name: &str, value: &Value, mut shown: Shown) -> Value {
    let name = name.to_ascii_lowercase();
    if SECRET_WORDS.iter().any(|word| name.contains(word)) {
        shown = Shown::Never;
    }
    match value {
        Value::String(_) if shown == Shown::Never => MASK.into(),
        Value::Array(items) => items
            .iter()
            .map(|item| hidden_in("", item, shown))
            .collect(),
        Value::Object(members) => {
            let members = members.iter();
            let hidden = members.map(|(name, value)| (name.clone(), hidden_in(name, value, shown)));
            Value::Object(hidden.collect())
        }
        other => other.clone(),
    }
}

fn has_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(has_mask),
        Value::Object(members) => members.values().any(has_mask),
        _ => false,
    }
}

/// What became of a channel's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resealed {
    /// Sealed anew with the key that seals.
    pub(crate) anew: usize,
    /// Sealed with it before.
    pub(crate) current: usize,
    /// Sealed with a key that is not there.
    pub(crate) unopened: usize,
}

/// Seals the keys that are not sealed with the key that seals.
pub(crate) fn reseal(
    channel: &str,
    settings: &mut Map<String, Value>,
    sealer: &Sealer,
) -> Resealed {
    let mut done = Resealed::default();
    let Some(Value::Array(keys)) = settings.get_mut("keys") else {
        return done;
    };
    for key in keys {
        let Some(text) = key.as_str() else { continue };
        if sealer.is_current(text) {
            done.current += 1;
        } else if let Ok(secret) = sealer.open(channel, text) {
            *key = sealer.seal(channel, secret.expose_secret()).into();
            done.anew += 1;
        } else {
            done.unopened += 1;
        }
    }
    done
}
