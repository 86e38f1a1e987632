//! The configuration as it runs, in its own words and without its secrets.

mod model;

use std::collections::BTreeMap;
use std::time::Duration;

use config::health::fingerprint;
use config::snapshot::{Base, Channel, Group, Ratio, Token};
use ledger::Nanos;
use ledger::limit::Limits;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

pub(crate) use model::model;

/// What is not said is left out.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let said = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    said.collect()
}

/// A key of the files.
pub(crate) fn token(token: &Token) -> Map<String, Value> {
    let models = token.models.as_ref();
    let models = models.map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<_>>());
    members([
        ("group", Some(json!(*token.group))),
        ("models", models.map(|models| json!(models))),
        ("budget", token.budget.map(|budget| json!(budget))),
        ("expires_at", token.expires_at.map(|at| json!(at))),
        ("allow_ips", Some(json!(texts(&token.allow_ips)))),
        ("limits", Some(limits(&token.limits))),
        ("enabled", Some(json!(token.enabled))),
    ])
}

pub(crate) fn limits(limits: &Limits) -> Value {
    let count = |count: Option<u64>| count.map(|count| json!(count));
    Value::Object(members([
        ("rpm", count(limits.rpm)),
        ("tpm", count(limits.tpm)),
        ("concurrency", count(limits.concurrency)),
        ("enforce", limits.shadow.then(|| json!("shadow"))),
    ]))
}

pub(crate) fn group(group: &Group) -> Map<String, Value> {
    members([
        ("ratio", Some(ratio(group.ratio))),
        ("usable_by", group.usable_by.as_ref().map(|by| json!(by))),
        (
            "limits",
            (!group.limits.is_empty()).then(|| limits(&group.limits)),
        ),
    ])
}

/// A ratio as a text, because it is as exact as money.
pub(crate) fn ratio(ratio: Ratio) -> Value {
    json!(decimal(i64::try_from(ratio.0).unwrap_or(i64::MAX)))
}

/// `2.5`: what an operator would write.
fn decimal(nanos: i64) -> String {
    let text = Nanos(nanos).to_string();
    let short = text.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}

/// A channel: what routes and bounds it. Headers and bodies that it sets may hold secrets: of them,
/// the names.
pub(crate) fn channel(channel: &Channel) -> Map<String, Value> {
    let names: Vec<&str> = channel
        .header_set
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let replicas = channel.endpoints.as_ref();
    let models: Vec<&str> = channel.models.iter().map(|model| model.as_str()).collect();
    let map: BTreeMap<&str, &str> = channel
        .model_map
        .iter()
        .map(|(asked, sent)| (&**asked, &**sent))
        .collect();
    let base = || json!(url(&channel.base));
    members([
        ("provider", Some(json!(*channel.provider))),
        ("base_url", replicas.is_none().then(base)),
        (
            "endpoints",
            replicas.map(|all| all.bases.iter().map(|base| json!(url(base))).collect()),
        ),
        ("formats", Some(json!(channel.formats))),
        ("keys", Some(keys(channel))),
        ("models", Some(json!(models))),
        ("model_map", Some(json!(map))),
        ("groups", Some(json!(texts(&channel.groups)))),
        ("priority", Some(json!(channel.priority))),
        ("weight", Some(json!(channel.weight))),
        ("enabled", Some(json!(channel.enabled))),
        ("sets_headers", Some(json!(names))),
        (
            "thinking_to_content",
            Some(json!(channel.thinking_to_content)),
        ),
        ("suffixes", Some(json!(channel.suffixes))),
        ("auto_disable", Some(json!(channel.auto_disable))),
        (
            "timeouts",
            Some(json!({
                "connect": span(channel.timeouts.connect),
                "first_byte": span(channel.timeouts.first_byte),
                "idle": span(channel.timeouts.idle),
            })),
        ),
    ])
}

fn keys(channel: &Channel) -> Value {
    let keys = channel.keys.iter().map(|key| key.secret.expose_secret());
    let keys = keys.filter(|key| !key.is_empty());
    keys.map(|key| json!(format!("fingerprint:{}", fingerprint(key))))
        .collect()
}

fn url(base: &Base) -> String {
    let scheme = if base.https { "https" } else { "http" };
    format!("{scheme}://{}{}", base.authority, base.path)
}

fn texts<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(T::to_string).collect()
}

/// `300s`, `20ms`.
pub(crate) fn span(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// The group `auto`.
pub(crate) fn auto(order: &[&str]) -> Map<String, Value> {
    members([("order", Some(json!(order)))])
}
