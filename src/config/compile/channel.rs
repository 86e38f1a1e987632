//! One entry of `channels`.

use std::collections::HashMap;
use std::sync::Arc;

use llm::loss::Strictness;

use super::auth::Key;
use super::environment::Environment;
use super::groups::Groups;
use super::routing::Routing;
use super::sections::TIMER;
use super::upstream::Upstream;
use super::{conversion, rules};
use crate::health::{BreakerSettings, LaneBook};
use crate::place;
use crate::provider::{Provider, Providers};
use crate::reader::{Field, Map, did_you_mean};
use crate::snapshot::{Channel, Timeouts, UpstreamKey};

const LONGEST_NAME: usize = 128;

/// What a channel is read against.
pub(super) struct Context<'a> {
    pub(super) providers: &'a Providers,
    pub(super) environment: &'a Environment<'a>,
    pub(super) groups: &'a Groups,
    pub(super) timeouts: Timeouts,
    /// What channels that say nothing do with hints.
    pub(super) strictness: Strictness,
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
    let routing = Routing::read(&mut map, context.groups);
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
    let thinking_to_content = map.take("thinking_to_content").boolean().unwrap_or(false);
    let suffixes = map.take("suffixes").boolean().unwrap_or(true);
    let strictness = conversion::strictness(&map.take("conversion"));
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
        thinking_to_content,
        suffixes,
        strictness: strictness.unwrap_or(context.strictness),
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
