//! A limit that can match nothing is told.

use super::*;

#[test]
fn limits_of_a_group_need_a_channel_and_a_key() {
    let check_groups = |tokens: &str, groups: &str, expected: &[&str]| {
        let yaml = format!(
            "channels: [{{name: a, provider: openai, keys: [k], models: [gpt-4o]}},\n\
             {{name: b, provider: openai, keys: [k], models: [gpt-4o], groups: [vip]}},\n\
             {{name: c, provider: openai, keys: [k], models: [gpt-4o], groups: [off], enabled: false}}]\n\
             {tokens}\ngroups: {groups}\n"
        );
        check(&yaml, expected);
    };
    let key = |group: &str| format!("tokens: [{{name: t, key: sk-12345678, group: {group}}}]");
    let limited = "{limits: {rpm: 1}}";
    check_groups(
        &key("vip"),
        &format!("{{vip: {limited}, empty: {limited}, off: {limited}}}"),
        &[
            "?groups.empty.limits: no enabled channel serves the group",
            "?groups.off.limits: no enabled channel serves the group",
        ],
    );
    let groups = format!("{{vip: {limited}, off: {{ratio: 1}}}}");
    check_groups(
        &key("default"),
        &groups,
        &["?groups.vip.limits: no key under tokens uses the group"],
    );
    let auto = format!("{{vip: {limited}, off: , auto: {{order: [default, vip]}}}}");
    check_groups(&key("auto"), &auto, &[]);
    let elsewhere = "?tokens: no key: every request is refused";
    check_groups("", &groups, &[elsewhere]);
}

#[test]
fn limits_of_a_model_need_a_channel_that_serves_it() {
    let check_model = |served: &str, limited: &str, expected: &[&str]| {
        let yaml = format!(
            "channels: [{{name: a, provider: openai, keys: [k], models: {served}}}]\n\
             {GOOD_TOKEN}models: {{'{limited}': {{limits: {{rpm: 1}}}}}}\n"
        );
        check(&yaml, expected);
    };
    let none = |limited: &str| format!("?models.{limited}.limits: no enabled channel serves");
    for (served, limited) in [
        ("[gpt-4o]", "gpt-4o"),
        ("[gpt-4o]", "gpt-*"),
        ("[gpt-4o]", "*-high"),
        ("[gpt-4o]", "gpt-4o-high"),
        ("[gpt-4o]", "gpt-4o-*"),
        ("['gpt-*']", "gpt-4.1"),
        ("['gpt-*']", "*-mini"),
        ("['*']", "any"),
        ("[gpt-4o], model_map: {nice: gpt-4o}", "nice"),
    ] {
        check_model(served, limited, &[]);
    }
    for (served, limited) in [
        ("[gpt-4o]", "gpt-4.1"),
        ("[gpt-4o]", "claude-*"),
        ("['gpt-*']", "claude-x"),
        ("[gpt-4o], suffixes: false", "gpt-4o-high"),
        ("[gpt-4o], suffixes: false", "*-high"),
        // Limits go by the asked name, not by the one sent upstream.
        ("[], suffixes: false, model_map: {nice: gpt-4o}", "gpt-4o"),
    ] {
        check_model(served, limited, &[&none(limited)]);
    }
}

#[test]
fn without_channels_that_alone_is_told() {
    check(
        &format!(
            "{GOOD_TOKEN}groups: {{vip: {{limits: {{rpm: 1}}}}}}\nmodels: {{m: {{limits: {{rpm: 1}}}}}}\n"
        ),
        &["?channels: no channel"],
    );
}
