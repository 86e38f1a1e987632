//! One entry of `channels`.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use llm::Format;

use super::address::{self, Address, Kind};
use super::auth::{self, Key};
use super::environment::Environment;
use super::groups::{DEFAULT, Groups};
use super::options::{self, Options};
use super::sections::TIMER;
use super::{rules, unbuilt};
use crate::health::{BreakerSettings, LaneBook};
use crate::pattern::Pattern;
use crate::place;
use crate::provider::{Provider, Providers};
use crate::reader::{Field, Map, did_you_mean};
use crate::snapshot::{Channel, KeyRotation, PathStyle, Timeouts, UpstreamKey};

const LONGEST_NAME: usize = 128;
const PRIORITY: std::ops::RangeInclusive<i64> = -1_000_000_000..=1_000_000_000;
const WEIGHT: std::ops::RangeInclusive<u32> = 0..=1_000_000;
/// The name of Azure's row, whose addresses have a style of their own.
const AZURE: &str = "azure";
/// The base path of Azure's versionless API.
const AZURE_V1: &str = "/openai/v1";

/// What a channel is read against.
pub(super) struct Context<'a> {
    pub(super) providers: &'a Providers,
    pub(super) environment: &'a Environment<'a>,
    pub(super) groups: &'a Groups,
    pub(super) timeouts: Timeouts,
}

/// A channel whose keys have no lanes yet.
pub(super) struct Draft {
    channel: Channel,
    keys: Vec<Key>,
    breaker: BreakerSettings,
}

impl Draft {
    /// The channel with the lanes of its keys.
    pub(super) fn into_channel(self, lanes: &LaneBook) -> Channel {
        let name = self.channel.name.clone();
        let keys = self.keys.into_iter().map(|key| UpstreamKey {
            header: key.header,
            secret: key.secret,
            lane: lanes.lane(&name, &key.fingerprint, self.breaker),
        });
        Channel {
            keys: keys.collect(),
            ..self.channel
        }
    }
}

/// Reads every channel; `None` when one cannot be had, which has been reported.
pub(super) fn read_all(root: &mut Map<'_>, context: &Context<'_>) -> Option<Vec<Draft>> {
    let mut seen = HashMap::new();
    let mut drafts = Vec::new();
    let section = root.take("channels");
    let items = section.list();
    for (index, item) in items.iter().enumerate() {
        drafts.push(read(item, index, context, &mut seen));
    }
    drafts.into_iter().collect()
}

/// The name of an entry of a list of named things, and the entry under that name.
///
/// `None`: it is no map, which has been reported.
pub(super) fn named<'a>(
    item: &Field<'a>,
    section: &str,
    seen: &mut HashMap<String, String>,
) -> Option<(Option<Arc<str>>, Map<'a>)> {
    let mut map = item
        .clone()
        .required("write its keys, or take the line out")
        .map();
    if !item.is_map() {
        return None;
    }
    let field = map
        .take("name")
        .required("give it a name: the id in logs and metrics");
    let Some(name) = field.word("name") else {
        return Some((None, map));
    };
    if name.chars().count() > LONGEST_NAME {
        field.error(
            format!("longer than {LONGEST_NAME} characters"),
            "take a shorter one",
        );
    }
    if let Some(first) = seen.insert(name.to_string(), item.path().to_string()) {
        field.error(
            format!("the name {} is already that of {first}", field.shown()),
            "names are unique",
        );
    }
    if !field.is_from_env() {
        map = item.clone().at(place::key(section, name)).map();
        map.take("name");
    }
    Some((Some(name.into()), map))
}

fn read(
    item: &Field<'_>,
    index: usize,
    context: &Context<'_>,
    seen: &mut HashMap<String, String>,
) -> Option<Draft> {
    let (name, mut map) = named(item, "channels", seen)?;
    let said = map
        .take("provider")
        .required("name a row of the providers, or custom");
    let provider = provider(&said, context.providers);
    let routing = Routing::read(&mut map, context);
    let upstream = match provider {
        Some(provider) => Upstream::read(&mut map, provider, context),
        None => {
            Upstream::skip(&mut map);
            None
        }
    };
    let breaker = breaker(&mut map);
    let headers = rules::headers(&map.take("headers"));
    let status_map = rules::status_map(&map.take("status_map"));
    let body = rules::body(&map.take("body"));
    let timeouts = timeouts(&map.take("timeouts"), context.timeouts);
    let system_prompt = map
        .take("system_prompt")
        .text()
        .unwrap_or_default()
        .to_string();
    later(&mut map);
    map.finish();
    let upstream = upstream?;
    let channel = Channel {
        name: name?,
        index,
        provider: provider?.name.as_str().into(),
        formats: upstream.formats,
        base: upstream.place.base,
        endpoints: upstream.place.endpoints,
        path_style: upstream.place.path_style,
        paths: upstream.paths,
        query: upstream.place.query,
        auth: upstream.auth,
        keys: Vec::new(),
        key_rotation: routing.key_rotation,
        models: routing.models,
        model_map: routing.model_map,
        groups: routing.groups,
        priority: routing.priority,
        weight: routing.weight,
        enabled: routing.enabled,
        status_map,
        header_default: upstream.header_default,
        header_set: headers.set,
        header_remove: headers.remove,
        body,
        system_prompt,
        quirks: provider?.quirks,
        timeouts,
        auto_disable: breaker.auto_disable,
        tls_ca: upstream.tls_ca,
        tls_verify: upstream.tls_verify,
        h2c: upstream.h2c,
    };
    Some(Draft {
        channel,
        keys: upstream.keys?,
        breaker,
    })
}

fn provider<'p>(field: &Field<'_>, providers: &'p Providers) -> Option<&'p Provider> {
    let name = field.word("provider")?;
    let found = providers.get(name);
    if found.is_none() {
        let names: Vec<&str> = providers.names().collect();
        let fallback = format!(
            "known: {}; custom speaks to anything else",
            names.join(", ")
        );
        field.error(
            format!("no provider is called {}", field.shown()),
            did_you_mean(name, &names, &fallback),
        );
    }
    found
}

fn breaker(map: &mut Map<'_>) -> BreakerSettings {
    let usual = BreakerSettings::default();
    let auto_disable = map.take("auto_disable").boolean();
    let mut map = map.take("breaker").map();
    let settings = BreakerSettings {
        failures: map
            .take("failures")
            .integer(0..=1_000)
            .unwrap_or(usual.failures),
        window: map.take("window").duration(TIMER).unwrap_or(usual.window),
        open: map.take("open").duration(TIMER).unwrap_or(usual.open),
        auto_disable: auto_disable.unwrap_or(usual.auto_disable),
    };
    map.finish();
    settings
}

fn timeouts(field: &Field<'_>, usual: Timeouts) -> Timeouts {
    let mut map = field.map();
    let timeouts = Timeouts {
        connect: map.take("connect").duration(TIMER).unwrap_or(usual.connect),
        first_byte: map
            .take("first_byte")
            .duration(TIMER)
            .unwrap_or(usual.first_byte),
        idle: map.take("idle").duration(TIMER).unwrap_or(usual.idle),
    };
    map.finish();
    timeouts
}

/// Keys of features to come.
fn later(map: &mut Map<'_>) {
    let thinking = map.take("thinking_to_content");
    if thinking.boolean() == Some(true) {
        thinking.warn("no effect yet", "leave it out until it has one");
    }
    map.take("suffixes").boolean();
    unbuilt::conversion(&map.take("conversion"));
}

/// Who is sent to the channel, and under which names.
struct Routing {
    models: Vec<Pattern>,
    model_map: BTreeMap<String, Arc<str>>,
    groups: Vec<Arc<str>>,
    priority: i64,
    weight: u32,
    enabled: bool,
    key_rotation: KeyRotation,
}

impl Routing {
    fn read(map: &mut Map<'_>, context: &Context<'_>) -> Routing {
        let rotation = [
            ("random", KeyRotation::Random),
            ("round_robin", KeyRotation::RoundRobin),
        ];
        let models = map.take("models");
        let model_map = map.take("model_map");
        let routing = Routing {
            models: patterns(&models),
            model_map: names(&model_map),
            groups: groups(&map.take("groups"), context.groups),
            priority: map.take("priority").integer(PRIORITY).unwrap_or(0),
            weight: map.take("weight").integer(WEIGHT).unwrap_or(1),
            enabled: map.take("enabled").boolean().unwrap_or(true),
            key_rotation: map
                .take("key_rotation")
                .one_of(&rotation)
                .unwrap_or(KeyRotation::Random),
        };
        let says_nothing = models.is_absent() || (models.is_list() && models.list().is_empty());
        if says_nothing && model_map.is_absent() {
            models.error("no model", "list the names clients may ask for, or [\"*\"]");
        }
        routing
    }
}

/// Names or wildcards.
pub(super) fn patterns(field: &Field<'_>) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for item in field.list() {
        let Some(name) = item.clone().required("write a name").word("model name") else {
            continue;
        };
        if patterns.iter().any(|known| known.as_str() == name) {
            item.warn(
                format!("{} is listed twice", item.shown()),
                "keep one of them",
            );
            continue;
        }
        patterns.push(Pattern::new(name));
    }
    patterns
}

fn names(field: &Field<'_>) -> BTreeMap<String, Arc<str>> {
    let mut map = BTreeMap::new();
    for (asked, upstream) in field.entries() {
        if asked.trim().is_empty() || asked.contains('*') {
            upstream.error("not one model's name", "map each name by itself, without *");
        }
        let Some(name) = upstream
            .clone()
            .required("write the upstream's name")
            .word("model name")
        else {
            continue;
        };
        if name.contains('*') {
            upstream.error(
                "a wildcard as the upstream's name",
                "write the name to send",
            );
        }
        map.insert(asked.trim().to_string(), name.into());
    }
    map
}

fn groups(field: &Field<'_>, known: &Groups) -> Vec<Arc<str>> {
    if field.is_absent() {
        return vec![DEFAULT.into()];
    }
    let items = field.list();
    if field.is_list() && items.is_empty() {
        field.error(
            "no group",
            "leave the key out for [default], or use enabled: false",
        );
    }
    let words = items.iter().filter_map(|item| {
        let name = item.word("group name")?;
        known.known(item, name).then(|| Arc::from(name))
    });
    words.collect()
}

/// Where the channel is and how it is spoken to.
struct Upstream {
    formats: Vec<Format>,
    place: Place,
    paths: BTreeMap<Format, String>,
    auth: crate::snapshot::Auth,
    /// `None`: one is wrong, which has been reported.
    keys: Option<Vec<Key>>,
    header_default: Vec<(HeaderName, HeaderValue)>,
    tls_ca: Option<PathBuf>,
    tls_verify: bool,
    h2c: bool,
}

impl Upstream {
    fn read(map: &mut Map<'_>, provider: &Provider, context: &Context<'_>) -> Option<Upstream> {
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
    fn skip(map: &mut Map<'_>) {
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

/// The address of a channel and how paths are made below it.
struct Place {
    base: crate::snapshot::Base,
    endpoints: Option<crate::snapshot::Endpoints>,
    path_style: PathStyle,
    query: String,
}

impl Place {
    fn read(
        map: &mut Map<'_>,
        provider: &Provider,
        options: &Options,
        context: &Context<'_>,
    ) -> Option<Place> {
        let url = map.take("base_url");
        let exact_field = map.take("exact_url");
        let exact = exact_field.boolean().unwrap_or(false);
        let list = map.take("endpoints");
        let endpoints = address::endpoints(&list, &map.take("balance"), &map.take("health_check"));
        if !url.is_absent() && !list.is_absent() {
            list.error(
                "endpoints beside base_url",
                "keep one: endpoints are the replicas' URLs",
            );
        }
        if exact && url.is_absent() {
            exact_field.error(
                "exact_url without base_url",
                "give the whole address in base_url",
            );
        }
        let kind = if exact { Kind::Exact } else { Kind::Base };
        let address = match &endpoints {
            Some(endpoints) => Address {
                base: endpoints.bases[0].clone(),
                query: String::new(),
            },
            None if !list.is_absent() => return None,
            None => base_url(&url, kind, provider)?,
        };
        let place = Place {
            base: address.base,
            endpoints,
            path_style: if exact {
                PathStyle::Exact
            } else {
                provider.path_style
            },
            query: address.query,
        };
        Some(if provider.name == AZURE && !exact {
            place.on_azure(options, context)
        } else {
            place
        })
    }

    /// Azure has two kinds of addresses: with a version, the deployment is part of the path;
    /// without, it is OpenAI's own API below `/openai/v1`.
    /// <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>
    fn on_azure(mut self, options: &Options, context: &Context<'_>) -> Place {
        let said = options.api_version.clone();
        let is_v1 = self.base.path.ends_with(AZURE_V1);
        let version = said.or_else(|| {
            let variable = context.environment.get("AZURE_DEFAULT_API_VERSION");
            variable
                .filter(|_| !is_v1)
                .and_then(|field| options::api_version(&field))
        });
        if let Some(version) = &version {
            self.query = format!("api-version={version}");
        }
        if version.is_some() && !is_v1 {
            self.path_style = PathStyle::AzureDeployment;
        } else if self.base.path.is_empty() {
            self.base.path = AZURE_V1.to_string();
            for replica in self
                .endpoints
                .iter_mut()
                .flat_map(|endpoints| &mut endpoints.bases)
            {
                replica.path = AZURE_V1.to_string();
            }
        }
        self
    }
}

fn base_url(field: &Field<'_>, kind: Kind, provider: &Provider) -> Option<Address> {
    if !field.is_absent() {
        return address::read(field, kind);
    }
    let own = provider.base_url.as_deref().and_then(address::builtin);
    if own.is_none() {
        field.error(
            format!("missing: {} has no address of its own", provider.name),
            "write base_url: https://host",
        );
    }
    own
}
