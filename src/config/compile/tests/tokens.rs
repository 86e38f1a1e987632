//! Gateway keys and groups.

use sha2::{Digest, Sha256};

use super::*;
use crate::snapshot::Ratio;

#[test]
fn a_key_is_found_by_its_hash_and_not_kept() {
    let snapshot = snapshot(&with_token("key: ' ${KEY} '"));
    let hash: [u8; 32] = Sha256::digest(b"sk-from-the-environment").into();
    let token = &snapshot.tokens[&hash];
    assert_eq!(
        (&*token.name, &*token.id, &*token.user),
        ("t", "yaml:t", "root")
    );
    assert_eq!(&*token.group, "default");
    assert!(token.enabled && token.models.is_none() && token.expires_at.is_none());
    assert!(!format!("{token:?}").contains("environment"));
}

#[test]
fn every_key_of_a_token_arrives() {
    let yaml = with_token(
        "key: plain-key-without-prefix, group: default, models: ['gpt-4o*'], \
         expires_at: 2999-01-01T00:00:00Z, allow_ips: [10.0.0.0/8, '::1'], enabled: false",
    );
    let token = token(&yaml);
    assert!(token.allows_model("gpt-4o-mini") && !token.allows_model("o3"));
    assert_eq!(
        token.expires_at.unwrap().to_string(),
        "2999-01-01T00:00:00Z"
    );
    assert!(token.allows_ip("10.1.2.3".parse().unwrap()));
    assert!(token.allows_ip("::1".parse().unwrap()));
    assert!(!token.allows_ip("11.0.0.1".parse().unwrap()));
    assert!(!token.enabled);
}

#[test]
fn a_key_must_be_there_long_and_sendable() {
    let cases: [(&str, &[&str]); 6] = [
        ("group: default", &["!tokens.t.key: missing"]),
        ("key: short", &["!tokens.t.key: shorter than 8 characters"]),
        ("key: '${EMPTY}'", &["!tokens.t.key: an empty key"]),
        (
            "key: '${MISSING}'",
            &["!tokens.t.key: the environment has no variable MISSING"],
        ),
        (
            "key: 'sk-with a space'",
            &["!tokens.t.key: a key that no client can send"],
        ),
        (
            "key: 1234567890",
            &["!tokens.t.key: expected text, found `1234567890`"],
        ),
    ];
    for (keys, expected) in cases {
        check(&with_token(keys), expected);
    }
}

#[test]
fn names_and_keys_are_unique() {
    check(
        &format!(
            "{GOOD_CHANNEL}tokens: [{{name: t, key: sk-12345678}}, {{name: t, key: sk-87654321}}, \
             {{name: u, key: sk-87654321}}]\n"
        ),
        &[
            "!tokens[1].name: the name `t` is already that of tokens[0]",
            "!tokens.u.key: the same as tokens.t.key",
        ],
    );
}

#[test]
fn budgets_and_limits_are_checked() {
    check_token("budget: 25", &[]);
    check_token("budget: 0", &["?tokens.t.budget: nothing to spend"]);
    check_token(
        "budget: -1, limits: {rpm: many, rps: 1, tpm: 0}",
        &[
            "!tokens.t.budget: expected an amount in USD of at least 0",
            "!tokens.t.limits.rpm: expected a whole number",
            "!tokens.t.limits.tpm: a limit that lets nothing through",
            "!tokens.t.limits.rps: unknown key",
        ],
    );
}

#[test]
fn a_key_may_try_several_groups_when_their_order_is_said() {
    check_token(
        "group: auto",
        &["!tokens.t.group: there is no order to try groups in"],
    );
    let with = |order: &str| {
        let token = with_token("key: sk-12345678, group: auto");
        format!("groups: {{vip: , auto: {{order: {order}}}}}\n{token}")
    };
    check(&with("[vip, default]"), &[]);
    check(
        &with("[vip]"),
        &["?tokens.t.group: no enabled channel serves its group \"auto\""],
    );
    check(
        &with("[vip, vip, default, auto, vpi]"),
        &[
            "?groups.auto.order[1]: named before",
            "!groups.auto.order[3]: auto is no group of its own",
            "!groups.auto.order[4]: no group is called `vpi`",
        ],
    );
    check(
        &with("[]"),
        &[
            "!groups.auto.order: no group",
            "!tokens.t.group: there is no order to try groups in",
        ],
    );
}

#[test]
fn a_budget_is_exact() {
    let budget = |yaml: &str| {
        let snapshot = snapshot(&with_token(&format!("key: sk-12345678{yaml}")));
        snapshot.tokens.values().next().unwrap().budget
    };
    assert_eq!(budget(", budget: 0.000000001"), Some(ledger::Nanos(1)));
    assert_eq!(budget(", budget: 25"), Some(ledger::Nanos(25_000_000_000)));
    assert_eq!(budget(""), None);
}

#[test]
fn limits_are_read_for_keys_groups_and_models() {
    use ledger::limit::Limits;
    let yaml = "groups: {default: {limits: {concurrency: 8}}}\n\
                models: {'gpt-*': {limits: {rpm: 10, enforce: shadow}}}\n"
        .to_string()
        + &with_token("key: sk-12345678, limits: {rpm: 60, tpm: 100000}");
    let snapshot = snapshot(&yaml);
    let limits = snapshot.tokens.values().next().unwrap().limits;
    assert_eq!((limits.rpm, limits.tpm), (Some(60), Some(100_000)));
    assert_eq!(snapshot.groups["default"].limits.concurrency, Some(8));
    let shadow = Limits {
        rpm: Some(10),
        shadow: true,
        ..Limits::default()
    };
    assert_eq!(snapshot.prices.limits("gpt-4o"), Some(("gpt-*", shadow)));
    assert_eq!(snapshot.prices.limits("claude-x"), None);
}

#[test]
fn a_key_that_cannot_ask_for_anything_is_told() {
    check(
        &format!(
            "groups: {{vip: }}\n{}",
            with_token("key: sk-12345678, group: vip")
        ),
        &["?tokens.t.group: no enabled channel serves its group \"vip\""],
    );
    check_token(
        "models: [gpt-4o, o3, 'claude-*']",
        &["?tokens.t.models: no channel of group \"default\" serves o3, claude-*"],
    );
    check_token(
        "models: []",
        &["!tokens.t.models: a key that may ask for nothing"],
    );
    check_token(
        "expires_at: 2020-01-01",
        &["?tokens.t.expires_at: in the past"],
    );
    check_token("expires_at: soon", &["!tokens.t.expires_at: not a time"]);
    check_token(
        "allow_ips: [10.0.0.0/40]",
        &["!tokens.t.allow_ips[0]: not a network"],
    );
    check_token("allow_ips: []", &["?tokens.t.allow_ips: no network"]);
    check_token("group: vpi", &["!tokens.t.group: no group is called `vpi`"]);
}

#[test]
fn groups_have_exact_ratios() {
    let snapshot = snapshot(
        "groups: {vip: {ratio: 0.8, usable_by: [vip]}, free: {ratio: 0}}\ngroup_ratios: {partner: {vip: 0.1}}\n",
    );
    assert_eq!(snapshot.groups["default"].ratio, Ratio(1_000_000_000));
    assert_eq!(snapshot.groups["vip"].ratio, Ratio(800_000_000));
    assert_eq!(snapshot.groups["free"].ratio, Ratio(0));
    assert_eq!(snapshot.group_ratios["partner"]["vip"], Ratio(100_000_000));
    assert_eq!(
        snapshot.groups["vip"].usable_by.as_deref(),
        Some(&["vip".to_string()][..])
    );
}

#[test]
fn groups_are_checked() {
    check_section(
        "groups: {vip: {ratio: -1, limits: {rpm: 1}, usable_by: [stranger]}, auto: {order: [vip]}, default: 3}\n\
         group_ratios: {partner: {none: 0.5, vip: x}}",
        &[
            "!groups.vip.ratio: expected a ratio like 0.8 of at least 0",
            "!groups.default: expected a map",
            "!group_ratios.partner.none: no group is called `none`",
            "!group_ratios.partner.vip: expected a ratio",
            "?groups.vip.usable_by[0]: no group is called `stranger`",
        ],
    );
}
