//! Reads the provider table.

use std::collections::BTreeMap;

use llm::Format;
use llm::dialect::Quirks;
use serde::Deserialize;

use super::Provider;
use crate::snapshot::{Auth, PathStyle};

/// `options` keys every provider knows.
const COMMON_OPTIONS: [&str; 1] = ["h2c"];

/// A row as the file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "docs")]
    _docs: Option<String>,
    base_url: Option<String>,
    #[serde(default)]
    formats: Vec<Format>,
    #[serde(default)]
    auth: AuthName,
    #[serde(default)]
    paths: BTreeMap<Format, String>,
    #[serde(default)]
    quirks: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AuthName {
    #[default]
    Bearer,
    XApiKey,
    XGoogApiKey,
    ApiKey,
    None,
}

pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Provider>, String> {
    let rows: BTreeMap<String, Row> = serde_yaml::from_str(text).map_err(|e| e.to_string())?;
    rows.into_iter()
        .map(|(name, row)| Ok((name.clone(), row.named(name)?)))
        .collect()
}

impl Row {
    fn named(self, name: String) -> Result<Provider, String> {
        let quirks = self.quirks.iter().try_fold(Quirks::NONE, |set, flag| {
            let known = Quirks::named(flag).map(|quirk| set.with(quirk));
            known.ok_or_else(|| format!("{name}: unknown quirk {flag}"))
        })?;
        let common = COMMON_OPTIONS.iter().map(|key| (*key).to_owned());
        Ok(Provider {
            name,
            formats: self.formats,
            base_url: self.base_url,
            auth: self.auth.into(),
            paths: self.paths,
            quirks,
            path_style: PathStyle::Standard,
            headers: self.headers.into_iter().collect(),
            options: self.options.into_iter().chain(common).collect(),
        })
    }
}

impl From<AuthName> for Auth {
    fn from(name: AuthName) -> Auth {
        match name {
            AuthName::Bearer => Auth::Bearer,
            AuthName::XApiKey => Auth::XApiKey,
            AuthName::XGoogApiKey => Auth::XGoogApiKey,
            AuthName::ApiKey => Auth::ApiKey,
            AuthName::None => Auth::None,
        }
    }
}
