//! `options`: what only one provider knows.

use super::auth;
use crate::provider::Provider;
use crate::reader::{Field, did_you_mean};
use crate::snapshot::Auth;

/// What the options say.
#[derive(Default)]
pub(super) struct Options {
    /// How the credential is put.
    pub(super) auth: Option<Auth>,
    /// Azure's API version, safe inside a query.
    pub(super) api_version: Option<String>,
    /// Cleartext HTTP/2.
    pub(super) h2c: bool,
}

/// Reads `options`; a key the provider does not know is reported with those it does.
pub(super) fn read(field: &Field<'_>, provider: &Provider) -> Options {
    let mut options = Options::default();
    for (key, value) in field.entries() {
        if !provider.options.iter().any(|known| known == key) {
            let known: Vec<&str> = provider.options.iter().map(String::as_str).collect();
            let fallback = format!("{} knows: {}", provider.name, known.join(", "));
            value.error("unknown option", did_you_mean(key, &known, &fallback));
            continue;
        }
        match key {
            "auth" => options.auth = value.one_of(&auth::NAMES),
            "api_version" => options.api_version = api_version(&value),
            "h2c" => options.h2c = value.boolean().unwrap_or(false),
            _ => value.error("no meaning for this option yet", "leave it out"),
        }
    }
    options
}

/// A version of Azure's API: dates and words, nothing that ends a query parameter.
pub(super) fn api_version(field: &Field<'_>) -> Option<String> {
    let text = field.word("version")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.bytes().all(plain) {
        return Some(text.to_string());
    }
    field.error("not an API version", "write one like 2025-04-01-preview");
    None
}
