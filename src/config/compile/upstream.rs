//! How a channel's upstream is spoken to: formats, credentials, TLS.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use llm::Format;

use super::auth::{self, Key};
use super::channel::Context;
use super::options;
use super::place::Place;
use crate::provider::Provider;
use crate::reader::{Field, Map};
use crate::snapshot::{Auth, PathStyle};

/// Where the channel is and how it is spoken to.
pub(super) struct Upstream {
    pub(super) formats: Vec<Format>,
    pub(super) place: Place,
    pub(super) paths: BTreeMap<Format, String>,
    pub(super) auth: Auth,
    /// `None`: one is wrong, which has been reported.
    pub(super) keys: Option<Vec<Key>>,
    pub(super) header_default: Vec<(HeaderName, HeaderValue)>,
    pub(super) tls_ca: Option<PathBuf>,
    pub(super) tls_verify: bool,
    pub(super) h2c: bool,
}

impl Upstream {
    pub(super) fn read(
        map: &mut Map<'_>,
        provider: &Provider,
        context: &Context<'_>,
    ) -> Option<Upstream> {
        let options_field = map.take("options");
        let options = options::read(&options_field, provider);
        let formats = formats(&map.take("formats"), provider);
        let place = Place::read(map, provider, &options, context);
        let keys_field = map.take("keys");
        let auth = auth::kind(options.auth, provider.auth, &keys_field);
        let keys = auth::keys(&keys_field, auth);
        let tls_field = map.take("tls");
        let (tls_ca, tls_verify) = tls(&tls_field);
        let place = place?;
        if place.base.https && options.h2c {
            options_field.error(
                "h2c: cleartext HTTP/2, to an https address",
                "take one of them out",
            );
        }
        if !place.base.https && !tls_field.is_absent() {
            tls_field.warn(
                "no effect on an http address",
                "write https://, or take tls out",
            );
        }
        let paths = match place.path_style {
            PathStyle::Standard => provider.paths_below(&place.base.path),
            PathStyle::Exact | PathStyle::AzureDeployment => BTreeMap::new(),
        };
        Some(Upstream {
            formats: formats?,
            paths,
            auth,
            keys,
            header_default: header_default(provider),
            tls_ca,
            tls_verify,
            h2c: options.h2c,
            place,
        })
    }

    /// Without a provider nothing can be said of these keys.
    pub(super) fn skip(map: &mut Map<'_>) {
        for key in [
            "options",
            "formats",
            "base_url",
            "exact_url",
            "endpoints",
            "balance",
            "health_check",
            "keys",
            "tls",
        ] {
            map.take(key);
        }
    }
}

fn formats(field: &Field<'_>, provider: &Provider) -> Option<Vec<Format>> {
    if field.is_absent() && !provider.formats.is_empty() {
        return Some(provider.formats.clone());
    }
    let hint = "list what it speaks, best first: chat, responses, messages, gemini";
    let items = field.list();
    if items.is_empty() && !field.is_bad() && (field.is_absent() || field.is_list()) {
        field.error("no format", hint);
    }
    let choices = Format::ALL.map(|format| (format.as_str(), format));
    let mut formats = Vec::new();
    for item in &items {
        let format = item.one_of(&choices)?;
        if formats.contains(&format) {
            item.error(format!("{format} is listed twice"), "keep one of them");
        }
        formats.push(format);
    }
    (!formats.is_empty()).then_some(formats)
}

fn header_default(provider: &Provider) -> Vec<(HeaderName, HeaderValue)> {
    let parse = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
    provider.headers.iter().filter_map(parse).collect()
}

fn tls(field: &Field<'_>) -> (Option<PathBuf>, bool) {
    let mut map = field.map();
    let ca = map.take("ca").word("file name").map(PathBuf::from);
    let verify = map.take("verify").boolean().unwrap_or(true);
    map.finish();
    (ca, verify)
}
