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
/// Headers whose name has one of these carry secrets.
const SECRET_WORDS: [&str; 9] = [
    "auth",
    "key",
    "token",
    "secret",
    "cookie",
    "password",
    "signature",
    "credential",
    "session",
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
    for (_, value) in secret_headers(&mut settings) {
        *value = MASK.into();
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
    unmask_headers(said, stored);
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

fn unmask_headers(said: &mut Said, stored: Option<&Map<String, Value>>) {
    let mut stored = stored.cloned().unwrap_or_default();
    let known = secret_headers(&mut stored);
    let mut strangers = Vec::new();
    for (name, value) in secret_headers(&mut said.members) {
        if *value != MASK {
            continue;
        }
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, secret)) => *value = (**secret).clone(),
            None => strangers.push(format!("headers.set.{name}")),
        }
    }
    for path in strangers {
        said.finding(&path, "masked, and the channel has no such header");
    }
}

/// The headers a channel sets that may be credentials.
fn secret_headers(settings: &mut Map<String, Value>) -> Vec<(String, &mut Value)> {
    let headers = settings.get_mut("headers");
    let set = headers.and_then(|headers| headers.get_mut("set")?.as_object_mut());
    let set = set.into_iter().flatten();
    let secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRET_WORDS.iter().any(|word| name.contains(word))
    };
    set.filter(|(name, _)| secret(name))
        .map(|(name, value)| (name.clone(), value))
        .collect()
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
