//! The sections about the process itself, in the words of the configuration.

use std::sync::OnceLock;

use config::database::Address;
use config::snapshot::{Enforce, Listen};
use config::{Live, Snapshot};
use ledger::journal::Fsync;
use serde_json::{Map, Value, json};

use crate::effective::span;

/// What differs from a configuration that says nothing was said.
pub(super) fn with_origins(sections: Map<String, Value>) -> Map<String, Value> {
    let usual = usual();
    let marked = sections.into_iter().map(|(section, keys)| {
        let keys = keys.as_object().cloned().unwrap_or_default();
        let keys = keys.into_iter().map(|(key, value)| {
            let same = usual.get(&section).and_then(|usual| usual.get(&key)) == Some(&value);
            let origin = if same { "default" } else { "file" };
            (key, json!({ "value": value, "origin": origin }))
        });
        let keys: Map<String, Value> = keys.collect();
        (section, Value::Object(keys))
    });
    marked.collect()
}

/// The sections of an empty configuration.
fn usual() -> &'static Map<String, Value> {
    static USUAL: OnceLock<Map<String, Value>> = OnceLock::new();
    USUAL.get_or_init(|| match Live::from_text("{}", &|_| None) {
        Ok(live) => sections(&live.load()),
        Err(_) => Map::new(),
    })
}

/// The sections of a configuration that are about the process, by section and key.
pub(super) fn sections(snapshot: &Snapshot) -> Map<String, Value> {
    let parts = [
        ("gateway", gateway(snapshot)),
        (
            "admin",
            json!({ "listen": listen(&snapshot.admin.listen), "key": is_set(snapshot.admin.key.is_some()) }),
        ),
        ("metrics", json!({ "listen": listen(&snapshot.metrics) })),
        ("store", json!({ "address": store(&snapshot.store) })),
        (
            "redis",
            json!({ "address": is_set(snapshot.redis.is_some()) }),
        ),
        (
            "encryption_key",
            json!({ "key": is_set(snapshot.sealer.is_some()) }),
        ),
        ("journal", journal(snapshot)),
        ("billing", billing(snapshot)),
        ("limits", limits(snapshot)),
        (
            "retention",
            json!({ "requests": span(snapshot.retention.requests) }),
        ),
        (
            "log",
            json!({
                "level": snapshot.log.level,
                "format": if snapshot.log.json { "json" } else { "text" },
            }),
        ),
    ];
    let parts = parts
        .into_iter()
        .map(|(name, part)| (name.to_owned(), part));
    parts.collect()
}

fn gateway(snapshot: &Snapshot) -> Value {
    let gateway = &snapshot.gateway;
    let addresses: Vec<Value> = gateway.listen.iter().map(listen).collect();
    let proxies: Vec<String> = gateway
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "listen": addresses,
        "max_body": gateway.max_body,
        "retries": gateway.retries,
        "connect_timeout": span(gateway.timeouts.connect),
        "first_byte_timeout": span(gateway.timeouts.first_byte),
        "idle_timeout": span(gateway.timeouts.idle),
        "resilient_streams": gateway.resilient_streams,
        "drain": span(gateway.drain),
        "trusted_proxies": proxies,
        "cors": { "origins": gateway.cors_origins },
        "receipt": gateway.receipt,
    })
}

fn listen(listen: &Listen) -> Value {
    match &listen.tls {
        None => json!(listen.address),
        Some((cert, _)) => json!({ "address": listen.address, "tls": { "cert": cert } }),
    }
}

fn is_set(set: bool) -> &'static str {
    if set { "set" } else { "not set" }
}

/// Which database: of a server, no more than its kind, because its address has a password.
fn store(address: &str) -> String {
    match address.parse() {
        Ok(Address::Sqlite(_)) => address.to_owned(),
        Ok(Address::Postgres(_)) => "postgres://…".into(),
        Ok(Address::MySql(_)) => "mysql://…".into(),
        Err(_) => "…".into(),
    }
}

fn journal(snapshot: &Snapshot) -> Value {
    let journal = &snapshot.journal;
    json!({
        "path": journal.path,
        "fsync": match journal.fsync {
            Fsync::Always => "always".to_owned(),
            Fsync::Every(period) => span(period),
        },
        "max": journal.max,
    })
}

fn billing(snapshot: &Snapshot) -> Value {
    let billing = &snapshot.billing;
    json!({
        "unpriced": if billing.refuse_unpriced { "refuse" } else { "free" },
        "hold_output": billing.hold_output,
        "lease": billing.lease,
    })
}

fn limits(snapshot: &Snapshot) -> Value {
    let limits = &snapshot.limits;
    json!({
        "enforce": match limits.enforce {
            Enforce::On => "true",
            Enforce::Shadow => "shadow",
            Enforce::Off => "false",
        },
        "when_redis_is_away": if limits.closed_when_away { "closed" } else { "open" },
    })
}
