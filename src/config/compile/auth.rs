//! The credentials of a channel: header values built once.

use http::{HeaderName, HeaderValue, header};
use secrecy::SecretString;

use crate::health::fingerprint;
use crate::reader::Field;
use crate::snapshot::Auth;

/// A key without its lane.
pub(super) struct Key {
    pub(super) header: Option<(HeaderName, HeaderValue)>,
    pub(super) secret: SecretString,
    pub(super) fingerprint: String,
}

/// `options.auth`, by name.
pub(super) const NAMES: [(&str, Auth); 5] = [
    ("bearer", Auth::Bearer),
    ("x-api-key", Auth::XApiKey),
    ("x-goog-api-key", Auth::XGoogApiKey),
    ("api-key", Auth::ApiKey),
    ("none", Auth::None),
];

/// How the credential is put: as the operator says, else as the provider's row says. A provider
/// that needs none (a model server of one's own) takes given keys as a bearer: such servers stand behind proxies.
pub(super) fn kind(said: Option<Auth>, provider: Auth, keys: &Field<'_>) -> Auth {
    match (said, provider) {
        (Some(auth), _) => auth,
        (None, Auth::None) if !keys.list().is_empty() => Auth::Bearer,
        (None, auth) => auth,
    }
}

/// The keys of a channel; `None` when one is missing or wrong, which has been reported.
pub(super) fn keys(field: &Field<'_>, auth: Auth) -> Option<Vec<Key>> {
    let items = field.list();
    if auth == Auth::None {
        if !items.is_empty() {
            field.warn(
                "not sent: options.auth is none",
                "leave the keys out, or name the auth",
            );
        }
        return Some(vec![key("", auth)?]);
    }
    if items.is_empty() {
        if field.is_absent() || field.is_list() {
            field.error(
                "no key",
                "give at least one: keys: [\"${NAME_OF_A_VARIABLE}\"]",
            );
        }
        return None;
    }
    let mut keys: Vec<Key> = Vec::with_capacity(items.len());
    for item in &items {
        let read = one(
            &item.clone().required("write a key, or take the line out"),
            auth,
        );
        let Some(key) = read else { continue };
        if keys
            .iter()
            .any(|other| other.fingerprint == key.fingerprint)
        {
            item.error("the same key twice", "keep one of them");
        }
        keys.push(key);
    }
    (keys.len() == items.len()).then_some(keys)
}

fn one(field: &Field<'_>, auth: Auth) -> Option<Key> {
    let key = key(field.word("key")?, auth);
    if key.is_none() {
        field.error("a key that no header can carry", "keys are visible ASCII");
    }
    key
}

fn key(text: &str, auth: Auth) -> Option<Key> {
    let value = match auth {
        Auth::Bearer => format!("Bearer {text}"),
        _ => text.to_string(),
    };
    let name = match auth {
        Auth::Bearer => Some(header::AUTHORIZATION),
        Auth::XApiKey => Some(HeaderName::from_static("x-api-key")),
        Auth::XGoogApiKey => Some(HeaderName::from_static("x-goog-api-key")),
        Auth::ApiKey => Some(HeaderName::from_static("api-key")),
        Auth::None => None,
    };
    let mut value = HeaderValue::from_str(&value)
        .ok()
        .filter(|_| text.is_ascii())?;
    value.set_sensitive(true);
    Some(Key {
        header: name.map(|name| (name, value)),
        secret: SecretString::from(text),
        fingerprint: fingerprint(text),
    })
}
