//! The gateway's own sections.

use std::time::Duration;

use ledger::journal::{Fsync, Options};
use secrecy::ExposeSecret;

use super::*;
use crate::snapshot::Listen;

fn plain(address: &str) -> Listen {
    Listen {
        address: address.into(),
        tls: None,
    }
}

#[test]
fn nothing_given_is_the_contract_s_defaults() {
    let snapshot = snapshot("");
    let gateway = &snapshot.gateway;
    assert_eq!(gateway.listen, [plain("0.0.0.0:3000")]);
    assert_eq!((gateway.max_body, gateway.retries), (32 << 20, 3));
    assert_eq!(gateway.timeouts.connect, Duration::from_secs(10));
    assert_eq!(gateway.timeouts.first_byte, Duration::from_secs(300));
    assert_eq!(gateway.timeouts.idle, Duration::from_secs(300));
    assert_eq!(gateway.drain, Duration::from_secs(30));
    assert!(gateway.resilient_streams && !gateway.receipt);
    assert_eq!(gateway.cors_origins, ["*"]);
    assert!(gateway.trusted_proxies.is_empty());
    assert_eq!(snapshot.admin.listen, plain("127.0.0.1:3001"));
    assert!(snapshot.admin.key.is_none());
    assert_eq!(snapshot.metrics, plain("127.0.0.1:9464"));
    assert_eq!(snapshot.store, "sqlite://data/tollgate.db");
    assert!(!snapshot.billing.refuse_unpriced);
    assert_eq!(snapshot.billing.hold_output, 4096);
    assert_eq!(
        (snapshot.log.level.as_str(), snapshot.log.json),
        ("info", false)
    );
    assert!(snapshot.groups.contains_key("default"));
    assert_eq!(
        (snapshot.number, &*snapshot.generation),
        (1, &*snapshot.generation)
    );
    assert!(
        snapshot.generation.starts_with("1-"),
        "{}",
        snapshot.generation
    );
}

#[test]
fn a_listener_is_an_address_a_map_or_a_list_of_both() {
    let listen = |yaml: &str| {
        snapshot(&format!("gateway: {{listen: {yaml}}}"))
            .gateway
            .listen
    };
    let tls = Listen {
        address: "[::]:3443".into(),
        tls: Some(("c.pem".into(), "k.pem".into())),
    };
    let written = "{address: '[::]:3443', tls: {cert: c.pem, key: k.pem}}";
    assert_eq!(listen("127.0.0.1:0"), [plain("127.0.0.1:0")]);
    assert_eq!(listen("'${PORT:-[::]:3}'"), [plain("[::]:3")]);
    assert_eq!(listen(written), std::slice::from_ref(&tls));
    assert_eq!(
        listen(&format!("['0.0.0.0:80', {written}]")),
        [plain("0.0.0.0:80"), tls]
    );
}

#[test]
fn an_address_that_cannot_be_listened_on_is_a_problem() {
    for bad in [
        "3000",
        "':3000'",
        "'0.0.0.0:99999'",
        "'http://a:1'",
        "'::1:80'",
    ] {
        let yaml = format!("gateway: {{listen: {bad}}}");
        let problems = said(&yaml);
        assert!(
            problems[0].is_error() && problems[0].path == "gateway.listen",
            "{bad}"
        );
    }
    check_section(
        "gateway: {listen: []}",
        &["!gateway.listen: nowhere to listen"],
    );
    check_section(
        "gateway: {listen: [null]}",
        &["!gateway.listen[0]: missing"],
    );
}

#[test]
fn a_certificate_needs_its_key() {
    check_section(
        "gateway: {listen: {address: '0.0.0.0:1', tls: {cert: c.pem}}}",
        &["!gateway.listen.tls.key: missing"],
    );
    check_section(
        "gateway: {listen: {address: '0.0.0.0:1', tls: {key: k.pem}}}",
        &["!gateway.listen.tls.cert: missing"],
    );
}

#[test]
fn only_the_gateway_speaks_tls() {
    let tls = "{cert: c.pem, key: k.pem}";
    for section in ["admin", "metrics"] {
        check_section(
            &format!("{section}: {{listen: {{address: '127.0.0.1:1', tls: {tls}}}}}"),
            &[&format!("!{section}.listen: TLS is not served here")],
        );
    }
}

#[test]
fn two_listeners_do_not_share_a_port() {
    check_section(
        "gateway: {listen: ['127.0.0.1:3001', '0.0.0.0:9464', '10.0.0.1:7', '10.0.0.2:7']}",
        &[
            "!admin.listen: port 3001 is already taken by gateway.listen[0]",
            "!metrics.listen: port 9464 is already taken by gateway.listen[1]",
        ],
    );
    check_section("gateway: {listen: ['127.0.0.1:0', '127.0.0.1:0']}", &[]);
}

#[test]
fn an_admin_api_for_everyone_needs_a_key() {
    let open = "admin: {listen: '0.0.0.0:3001'}";
    check_section(
        open,
        &["!admin.listen: reachable from other machines without a key"],
    );
    check_section(
        "admin: {listen: '0.0.0.0:3001', key: '${EMPTY}'}",
        &["!admin.listen"],
    );
    check_section(
        "admin: {listen: '0.0.0.0:3001', key: 0123456789abcdef-long}",
        &[],
    );
    check_section("admin: {key: short}", &["?admin.key: shorter than 16"]);
    check_section(
        "admin: {listen: '0.0.0.0:3001', key: '${MISSING}'}",
        &["!admin.key: the environment has no variable MISSING"],
    );
}

#[test]
fn wrong_values_are_told_all_at_once() {
    check_section(
        "gateway: {max_body: 32M, retries: -1, connect_timeout: 10, drain: soon, receipt: maybe, \
         trusted_proxies: [10.0.0.0/33, 10.0.0.1], cors: {origins: ['a b', 'https://x/y', 'https://x']}, \
         first_byte_timeout: 0s, resilient_streams: [true]}\n\
         log: {level: loud, format: xml}\nbilling: {unpriced: fre, hold_output: 0}",
        &[
            "!gateway.max_body: expected a size, found `32M`",
            "!gateway.retries: expected a whole number from 0 to 100, found `-1`",
            "!gateway.connect_timeout: expected a duration, found `10`",
            "!gateway.first_byte_timeout: expected a duration from 1ms to 1d, found `0s`",
            "!gateway.resilient_streams: expected true or false, found a list",
            "!gateway.drain: expected a duration, found `soon`",
            "!gateway.trusted_proxies[0]: not a network",
            "!gateway.cors.origins[0]: not an origin",
            "!gateway.cors.origins[1]: not an origin",
            "!gateway.receipt: expected true or false, found `maybe`",
            "!billing.unpriced: expected one of free, refuse, found `fre` — did you mean `free`?",
            "!billing.hold_output: expected a whole number from 1",
            "!log.level: not a log level",
            "!log.format: expected one of text, json, found `xml`",
        ],
    );
}

#[test]
fn unknown_keys_are_refused_with_the_likely_one() {
    check(
        &format!("gatway: {{}}\ngateway: {{max_bdy: 1, zebra: 2}}\n{GOOD_CHANNEL}{GOOD_TOKEN}"),
        &[
            "!gateway.max_bdy: unknown key — did you mean `max_body`?",
            "!gateway.zebra: unknown key — known here: listen, max_body",
            "!gatway: unknown key — did you mean `gateway`?",
        ],
    );
}

#[test]
fn values_from_the_environment_are_retyped() {
    let snapshot = snapshot(
        "gateway: {retries: '${N:-7}', receipt: '${B:-true}', max_body: '${S:-1MiB}', \
         listen: '127.0.0.1:${PORT_OF_MINE}'}",
    );
    let gateway = &snapshot.gateway;
    assert_eq!(
        (gateway.retries, gateway.receipt, gateway.max_body),
        (7, true, 1 << 20)
    );
    assert_eq!(gateway.listen, [plain("127.0.0.1:8080")]);
}

#[test]
fn features_to_come_are_refused_or_warned_of() {
    check_section(
        "retention: {requests: 90d}\nbilling: {lease: 1}\nconversion: strict",
        &[],
    );
    check_section("retention: {requests: 90d}", &[]);
    check_section(
        "retention: {requests: 5m, audit: 400d}",
        &["!retention.requests: expected a duration from 1h"],
    );
    check_section(
        "conversion: loose",
        &["!conversion: expected one of lenient, strict"],
    );
}

#[test]
fn the_journal_is_a_path_or_a_map() {
    let journal = |yaml: &str| snapshot(yaml).journal;
    let given = |path: &str, fsync, max| Options {
        path: path.into(),
        fsync,
        max,
    };
    let every = |ms| Fsync::Every(Duration::from_millis(ms));
    assert_eq!(journal(""), given("data/journal", every(20), 8 << 30));
    assert_eq!(journal("journal: j"), given("j", every(20), 8 << 30));
    assert_eq!(
        journal("journal: {path: j, fsync: always, max: 2MiB}"),
        given("j", Fsync::Always, 2 << 20)
    );
    assert_eq!(
        journal("journal: {fsync: 1s}"),
        given("data/journal", every(1_000), 8 << 30)
    );
    check_section(
        "journal: {path: '', fsync: never, max: big, size: 1}",
        &[
            "!journal.path: an empty path",
            "!journal.fsync: expected a duration",
            "!journal.max: expected a size",
            "!journal.size: unknown key",
        ],
    );
    check_section(
        "journal: {fsync: 2m, max: 1KiB}",
        &[
            "!journal.fsync: expected a duration from 1ms to 1m",
            "!journal.max: expected a size from 1048576",
        ],
    );
}

#[test]
fn limits_hold_unless_told_otherwise() {
    use crate::snapshot::{Enforce, LimitSettings};
    let check = |yaml: &str, enforce, closed_when_away| {
        let expected = LimitSettings {
            enforce,
            closed_when_away,
        };
        assert_eq!(snapshot(yaml).limits, expected, "{yaml}");
    };
    check("", Enforce::On, false);
    check(
        "limits: {enforce: true, when_redis_is_away: open}",
        Enforce::On,
        false,
    );
    check("limits: {enforce: shadow}", Enforce::Shadow, false);
    check(
        "limits: {enforce: false, when_redis_is_away: closed}",
        Enforce::Off,
        true,
    );
    check_section(
        "limits: {enforce: maybe}",
        &["!limits.enforce: expected one of true, shadow, false"],
    );
}

#[test]
fn redis_is_an_address_or_absent() {
    let url = |yaml: &str| {
        snapshot(yaml)
            .redis
            .map(|url| url.expose_secret().to_owned())
    };
    assert_eq!(url(""), None);
    assert_eq!(url("redis: ''"), None);
    assert_eq!(
        url("redis: redis://:p@h:6379/1").as_deref(),
        Some("redis://:p@h:6379/1")
    );
    check_section(
        "redis: localhost:6379",
        &["!redis: not the address of a Redis server"],
    );
}

#[test]
fn every_store_is_known_by_its_address() {
    for url in [
        "sqlite::memory:",
        "sqlite://data/x.db",
        "postgres://u:p@h/db",
        "postgresql://u:p@h/db?sslmode=require",
        "host=h user=u dbname=db",
        "mysql://u:p@h/db",
        "mariadb://u:p@h/db",
        "u:p@tcp(h:3306)/db",
    ] {
        assert_eq!(snapshot(&format!("store: '{url}'")).store, url);
    }
    let cases = [
        ("postgres://u:p@h", "a store without a database"),
        ("mysql://u:p@h:x/db", "a store with a bad port"),
        ("u:p@tcp(h:3306)", "a store in the form of Go"),
        ("oracle://u:p@h/db", "not a store"),
        ("sqlite://", "not a store"),
        ("data/tollgate.db", "not a store"),
    ];
    for (url, what) in cases {
        check_section(&format!("store: '{url}'"), &[&format!("!store: {what}")]);
    }
}
