//! The sections about the gateway itself: `gateway`, `admin`, `metrics`, `billing`, `log`.

use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use ledger::{NANOS_PER_USD, Nanos};
use secrecy::SecretString;

use super::environment::Environment;
use super::listen;
use super::network::network;
use crate::reader::{Field, Map};
use crate::snapshot::{Admin, Billing, Gateway, Listen, Log, Timeouts};

const DAY: Duration = Duration::from_secs(86_400);
/// Bounds of every timer of a request.
pub(super) const TIMER: RangeInclusive<Duration> = Duration::from_millis(1)..=DAY;
/// Bounds of a body in memory.
const BODY: RangeInclusive<u64> = 1..=4 << 30;
/// More attempts than this only make a refusal late.
const RETRIES: RangeInclusive<u32> = 0..=100;
/// An admin key shorter than this can be guessed.
const ADMIN_KEY: usize = 16;
/// Output tokens no model goes beyond.
const HOLD_OUTPUT: RangeInclusive<u64> = 1..=10_000_000;

/// What one node may spend of a key while the store is away, when nobody says.
const LEASE: Nanos = Nanos(NANOS_PER_USD);

/// What the sections say.
pub(super) struct Sections {
    pub(super) gateway: Gateway,
    pub(super) admin: Admin,
    pub(super) metrics: Listen,
    pub(super) billing: Billing,
    pub(super) log: Log,
}

/// Reads the sections; wrong values are reported and stand as their default.
pub(super) fn read(root: &mut Map<'_>, environment: &Environment<'_>) -> Sections {
    let mut addresses = listen::Addresses::default();
    Sections {
        gateway: gateway(root.take("gateway").map(), environment, &mut addresses),
        admin: admin(root.take("admin").map(), environment, &mut addresses),
        metrics: metrics(root.take("metrics").map(), &mut addresses),
        billing: billing(root.take("billing").map()),
        log: log(root.take("log").map()),
    }
}

fn gateway(
    mut map: Map<'_>,
    environment: &Environment<'_>,
    addresses: &mut listen::Addresses,
) -> Gateway {
    let gateway = Gateway {
        listen: listen::gateway(map.take("listen"), environment, addresses),
        max_body: max_body(map.take("max_body"), environment),
        retries: map.take("retries").integer(RETRIES).unwrap_or(3),
        timeouts: timeouts(&mut map, environment),
        resilient_streams: map.take("resilient_streams").boolean().unwrap_or(true),
        drain: map
            .take("drain")
            .duration(Duration::ZERO..=DAY)
            .unwrap_or(Duration::from_secs(30)),
        trusted_proxies: networks(&map.take("trusted_proxies")),
        cors_origins: cors(map.take("cors").map()),
        receipt: map.take("receipt").boolean().unwrap_or(false),
    };
    map.finish();
    gateway
}

fn max_body(field: Field<'_>, environment: &Environment<'_>) -> usize {
    let bytes = match environment.instead_of(&field, "MAX_REQUEST_BODY_MB") {
        Some(megabytes) => megabytes
            .integer(1..=*BODY.end() >> 20)
            .map(|count| count << 20),
        None => field.size(BODY),
    };
    bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(32 << 20)
}

fn timeouts(map: &mut Map<'_>, environment: &Environment<'_>) -> Timeouts {
    let connect = map.take("connect_timeout").duration(TIMER);
    let first_byte = map.take("first_byte_timeout").duration(TIMER);
    let idle = map.take("idle_timeout");
    let idle = match environment.instead_of(&idle, "STREAMING_TIMEOUT") {
        Some(seconds) => seconds.integer(1..=DAY.as_secs()).map(Duration::from_secs),
        None => idle.duration(TIMER),
    };
    Timeouts {
        connect: connect.unwrap_or(Duration::from_secs(10)),
        first_byte: first_byte.unwrap_or(Duration::from_secs(300)),
        idle: idle.unwrap_or(Duration::from_secs(300)),
    }
}

fn networks(field: &Field<'_>) -> Vec<IpNet> {
    field.list().iter().filter_map(network).collect()
}

fn cors(mut map: Map<'_>) -> Vec<String> {
    let origins = map.take("origins");
    map.finish();
    if origins.is_absent() {
        return vec!["*".to_string()];
    }
    origins.list().iter().filter_map(origin).collect()
}

/// `*`, or what browsers send in `Origin` (RFC 6454 section 7): scheme, host, port, nothing more.
fn origin(field: &Field<'_>) -> Option<String> {
    let text = field.word("origin")?;
    let host = text.split_once("://").map_or("", |(_, host)| host);
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text == "*" || text == "null" || (plain && !host.is_empty() && !host.contains('/')) {
        return Some(text.to_string());
    }
    field.error(
        "not an origin",
        "write https://app.example.com without a path, or \"*\"",
    );
    None
}

fn admin(
    mut map: Map<'_>,
    environment: &Environment<'_>,
    addresses: &mut listen::Addresses,
) -> Admin {
    let at = map.take("listen");
    let listen = listen::plain(&at, "127.0.0.1:3001", addresses);
    let key = map.take("key");
    let key = environment
        .instead_of(&key, "TOLLGATE_ADMIN_KEY")
        .unwrap_or(key);
    let words = key.text().map(str::trim).filter(|text| !text.is_empty());
    if words.is_none() && !key.is_bad() && !listen::is_loopback(&listen.address) {
        at.error(
            "reachable from other machines without a key",
            "set admin.key, or listen on 127.0.0.1",
        );
    }
    if words.is_some_and(|text| text.chars().count() < ADMIN_KEY) {
        key.warn(
            format!("shorter than {ADMIN_KEY} characters"),
            "take a long random one: openssl rand -hex 32",
        );
    }
    map.finish();
    Admin {
        listen,
        key: words.map(SecretString::from),
    }
}

fn metrics(mut map: Map<'_>, addresses: &mut listen::Addresses) -> Listen {
    let listen = listen::plain(&map.take("listen"), "127.0.0.1:9464", addresses);
    map.finish();
    listen
}

fn billing(mut map: Map<'_>) -> Billing {
    let refuse = map
        .take("unpriced")
        .one_of(&[("free", false), ("refuse", true)]);
    let hold_output = map.take("hold_output").integer(HOLD_OUTPUT);
    let lease = map.take("lease").nanos("an amount in USD");
    map.finish();
    Billing {
        refuse_unpriced: refuse.unwrap_or(false),
        hold_output: hold_output.unwrap_or(4096),
        lease: lease.map_or(LEASE, Nanos),
    }
}

fn log(mut map: Map<'_>) -> Log {
    let level = map.take("level");
    let words = level.word("level").unwrap_or("info");
    if !words.split(',').all(is_directive) {
        level.error(
            "not a log level",
            "write error, warn, info, debug or trace, or a filter like info,filters=debug",
        );
    }
    let json = map
        .take("format")
        .one_of(&[("text", false), ("json", true)]);
    map.finish();
    Log {
        level: words.to_string(),
        json: json.unwrap_or(false),
    }
}

/// `level` or `target=level`.
fn is_directive(directive: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level = directive
        .rsplit_once('=')
        .map_or(directive, |(_, level)| level);
    LEVELS.contains(&level.trim().to_ascii_lowercase().as_str())
}
