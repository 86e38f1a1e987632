//! Every built-in provider as a row of a table: a format, an address, an auth kind, quirks.

mod path;
mod row;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use llm::Format;
use llm::dialect::Quirks;

pub use path::upstream_path;

use crate::snapshot::{Auth, PathStyle};

const TEXT: &str = include_str!("../../conf/providers.yaml");

/// An upstream service and how it is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// What `channels[].provider` says.
    pub name: String,
    /// Formats it speaks, best first; empty: the channel has to say.
    pub formats: Vec<Format>,
    /// Its address; `None`: the channel has to say.
    pub base_url: Option<String>,
    /// How it takes the credential.
    pub auth: Auth,
    /// Paths below the host, of formats that are not found below `base_url`; see `paths_below`.
    pub paths: BTreeMap<Format, String>,
    /// Its accent.
    pub quirks: Quirks,
    /// How its paths are made.
    pub path_style: PathStyle,
    /// Headers sent when the client sent none of that name.
    pub headers: Vec<(String, String)>,
    /// Allowed keys of `options`.
    pub options: Vec<String>,
}

impl Provider {
    /// `paths` for a channel whose `base_url` has this path. They are the provider's own host's:
    /// behind a path that it does not have stands something else, which the contract's
    /// `base_url` rule decides.
    pub fn paths_below(&self, base_path: &str) -> BTreeMap<Format, String> {
        let own = self.base_url.as_deref().map(path_of).unwrap_or_default();
        match base_path.is_empty() || base_path == "/v1" || base_path == own {
            true => self.paths.clone(),
            false => BTreeMap::new(),
        }
    }
}

/// The path of a URL of the table, without the slash at its end.
fn path_of(url: &str) -> &str {
    let host_on = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = host_on.find('/').map_or("", |at| &host_on[at..]);
    path.trim_end_matches('/')
}

/// Providers by name.
#[derive(Clone, Debug, Default)]
pub struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// The rows of `conf/providers.yaml`. Parsed once.
    ///
    /// A file that does not parse gives no providers; that it does is what the tests are for.
    pub fn builtin() -> &'static Providers {
        static BUILTIN: LazyLock<Providers> =
            LazyLock::new(|| row::parse(TEXT).map(Providers).unwrap_or_default());
        &BUILTIN
    }

    /// The provider of that name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// These and `more`, which override by name.
    #[must_use]
    pub fn extend(mut self, more: impl IntoIterator<Item = Provider>) -> Providers {
        let named = more.into_iter().map(|row| (row.name.clone(), row));
        self.0.extend(named);
        self
    }
}

#[cfg(test)]
#[path = "provider/tests.rs"]
mod tests;
