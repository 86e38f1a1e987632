//! Channels: what they need, what they may not say, and what becomes of it.

use std::collections::HashMap;
use std::time::Duration;

use llm::Format;
use secrecy::ExposeSecret;

use super::*;
use crate::snapshot::{Auth, Balance, KeyRotation, PathStyle};

#[test]
fn a_channel_takes_what_it_does_not_say_from_its_provider() {
    let channel = channel(&with_good_channel(""));
    assert_eq!(
        (&*channel.name, &*channel.provider, channel.index),
        ("a", "openai", 0)
    );
    assert_eq!(channel.formats, [Format::Chat, Format::Responses]);
    assert_eq!(channel.base.authority, "api.openai.com");
    assert!(channel.base.https && channel.base.path.is_empty());
    assert_eq!(
        (channel.path_style, channel.auth),
        (PathStyle::Standard, Auth::Bearer)
    );
    assert_eq!(
        (channel.priority, channel.weight, channel.enabled),
        (0, 1, true)
    );
    assert_eq!(channel.groups, ["default".into()]);
    assert_eq!(channel.timeouts.idle, Duration::from_secs(300));
    assert!(channel.auto_disable && channel.tls_verify && !channel.h2c);
    assert_eq!(channel.key_rotation, KeyRotation::Random);
    let (name, value) = channel.keys[0].header.clone().unwrap();
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        ("authorization", "Bearer k")
    );
    assert!(value.is_sensitive());
}

#[test]
fn every_key_of_a_channel_arrives() {
    let yaml = "
groups: {vip: {ratio: 0.5}}
channels:
  - name: all
    provider: custom
    formats: [messages, chat]
    endpoints: ['http://10.0.0.5:8000/x', 'http://10.0.0.6:8000/x/']
    balance: consistent
    health_check: {path: /up, interval: 2s}
    keys: ['${KEY}', ' two ']
    key_rotation: round_robin
    models: [m1, 'm-*']
    model_map: {old: m1}
    groups: [default, vip]
    priority: -3
    weight: 0
    enabled: true
    status_map: {400: 500, '418': 503}
    headers: {set: {X-Team: a}, remove: [X-B]}
    body: {remove: [logit_bias], default: {max_tokens: 1024, z: null}, set: {temperature: 0.2, user: '${KEY}'}}
    system_prompt: Be kind.
    thinking_to_content: false
    suffixes: false
    conversion: strict
    auto_disable: false
    breaker: {failures: 2, window: 1m, open: 10s}
    timeouts: {connect: 1s, idle: 20ms}
    options: {auth: api-key, h2c: true}
models: {m1: {price: {input: 1}}, old: {price: {input: 1}}}
";
    let channel = channel(yaml);
    assert_eq!(channel.formats, [Format::Messages, Format::Chat]);
    let endpoints = channel.endpoints.as_ref().unwrap();
    assert_eq!(endpoints.bases.len(), 2);
    assert_eq!(endpoints.balance, Balance::Consistent);
    assert_eq!(
        endpoints.health_check,
        Some(("/up".into(), Duration::from_secs(2)))
    );
    assert_eq!(
        (channel.base.port, channel.base.path.as_str()),
        (8000, "/x")
    );
    let keys: Vec<&str> = channel
        .keys
        .iter()
        .map(|key| key.secret.expose_secret())
        .collect();
    assert_eq!(keys, ["sk-from-the-environment", "two"]);
    assert_eq!(
        channel.keys[1].header.as_ref().unwrap().0.as_str(),
        "api-key"
    );
    assert_eq!(channel.key_rotation, KeyRotation::RoundRobin);
    let models: Vec<&str> = channel.models.iter().map(|model| model.as_str()).collect();
    assert_eq!(models, ["m1", "m-*"]);
    assert_eq!(channel.model_map.get("old").map(|name| &**name), Some("m1"));
    assert_eq!(channel.groups, ["default".into(), "vip".into()]);
    assert_eq!((channel.priority, channel.weight), (-3, 0));
    assert_eq!(channel.status_map, HashMap::from([(400, 500), (418, 503)]));
    assert_eq!(channel.header_set[0].0.as_str(), "x-team");
    assert_eq!(channel.header_remove[0].as_str(), "x-b");
    let body = |pairs: &[(String, Box<serde_json::value::RawValue>)]| {
        let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(channel.body.remove, ["logit_bias"]);
    assert_eq!(body(&channel.body.default), "max_tokens=1024 z=null");
    assert_eq!(
        body(&channel.body.set),
        "temperature=0.2 user=\"sk-from-the-environment\""
    );
    assert_eq!(channel.system_prompt, "Be kind.");
    assert!(!channel.auto_disable && channel.h2c);
    assert_eq!(channel.timeouts.connect, Duration::from_secs(1));
    assert_eq!(channel.timeouts.first_byte, Duration::from_secs(300));
    assert_eq!(channel.timeouts.idle, Duration::from_millis(20));
}

#[test]
fn what_a_channel_lacks_is_told_together() {
    check(
        "channels: [{}]\n",
        &[
            "!channels[0].name: missing",
            "!channels[0].provider: missing",
            "!channels[0].models: no model",
        ],
    );
    check(
        "channels: [{name: a, provider: custom}]\n",
        &[
            "!channels.a.models: no model",
            "!channels.a.formats: no format",
            "!channels.a.base_url: missing: custom has no address of its own",
            "!channels.a.keys: no key",
        ],
    );
    check(
        "channels: [null, 3]\n",
        &[
            "!channels[0]: missing",
            "!channels[1]: expected a map, found `3`",
        ],
    );
    check(
        "channels: {a: {}}\n",
        &["!channels: expected a list, found a map"],
    );
}

#[test]
fn an_unknown_provider_is_told_with_the_known_ones() {
    let keys = "keys: [k], models: [gpt-4o]";
    check(
        &with_channel(&format!("provider: opnai, {keys}")),
        &["!channels.a.provider: no provider is called `opnai` — did you mean `openai`?"],
    );
    let problems = said(&with_channel(&format!(
        "provider: zebra, {keys}, options: {{x: 1}}"
    )));
    assert_eq!(problems.len(), 1, "{}", lines(&problems));
    let hint = problems[0].hint.as_deref().unwrap();
    assert!(
        hint.contains("anthropic") && hint.contains("custom"),
        "{hint}"
    );
}

#[test]
fn names_are_unique() {
    let channel = "{name: a, provider: openai, keys: [k], models: [gpt-4o]}";
    check(
        &format!("channels: [{channel}, {channel}]\n{GOOD_TOKEN}"),
        &["!channels[1].name: the name `a` is already that of channels[0]"],
    );
}

#[test]
fn keys_are_there_and_can_be_sent() {
    let rest = "provider: openai, models: [gpt-4o]";
    let cases: [(&str, &[&str]); 8] = [
        ("keys: []", &["!channels.a.keys: no key"]),
        (
            "keys: ['']",
            &["!channels.a.keys[0]: an empty key — write one"],
        ),
        (
            "keys: ['${EMPTY}']",
            &["!channels.a.keys[0]: an empty key — the environment"],
        ),
        (
            "keys: ['${MISSING}']",
            &["!channels.a.keys[0]: the environment has no variable MISSING"],
        ),
        (
            "keys: [\"a\\nb\"]",
            &["!channels.a.keys[0]: a key with a control character"],
        ),
        (
            "keys: [schlüssel]",
            &["!channels.a.keys[0]: a key that no header can carry"],
        ),
        (
            "keys: [k, ' k ']",
            &["!channels.a.keys[1]: the same key twice"],
        ),
        (
            "keys: sk-lonely",
            &["!channels.a.keys: expected a list, found `sk-lonely`"],
        ),
    ];
    for (keys, expected) in cases {
        check(&with_channel(&format!("{rest}, {keys}")), expected);
    }
}

#[test]
fn a_model_server_needs_no_key_and_takes_one() {
    let none = channel(&with_channel("provider: ollama, models: [gpt-4o]"));
    assert_eq!((none.auth, none.keys.len()), (Auth::None, 1));
    assert!(none.keys[0].header.is_none());
    let one = channel(&with_channel(
        "provider: ollama, models: [gpt-4o], keys: [k]",
    ));
    assert_eq!(one.auth, Auth::Bearer);
    let custom = "provider: custom, formats: [chat], base_url: 'http://h', models: [gpt-4o]";
    check(
        &with_channel(&format!("{custom}, options: {{auth: none}}")),
        &[],
    );
    check(
        &with_channel(&format!("{custom}, options: {{auth: none}}, keys: [k]")),
        &["?channels.a.keys: not sent"],
    );
}

#[test]
fn each_auth_kind_has_its_header() {
    let custom =
        "provider: custom, formats: [chat], base_url: 'http://h', models: [gpt-4o], keys: [k]";
    let cases = [
        ("bearer", "authorization", "Bearer k"),
        ("x-api-key", "x-api-key", "k"),
        ("x-goog-api-key", "x-goog-api-key", "k"),
        ("api-key", "api-key", "k"),
    ];
    for (auth, name, value) in cases {
        let channel = channel(&with_channel(&format!(
            "{custom}, options: {{auth: {auth}}}"
        )));
        let header = channel.keys[0].header.clone().unwrap();
        assert_eq!(
            (header.0.as_str(), header.1.to_str().unwrap()),
            (name, value)
        );
    }
}

#[test]
fn a_wrong_address_is_told_without_repeating_it() {
    for bad in [
        "api.openai.com",
        "ftp://h",
        "https://u:p@h",
        "https://h?k=v",
        "https://h:99999",
    ] {
        let problems = said(&with_good_channel(&format!("base_url: '{bad}'")));
        assert_eq!(problems.len(), 1, "{bad}");
        assert_eq!(problems[0].path, "channels.a.base_url");
        assert!(!problems[0].to_string().contains(bad), "{}", problems[0]);
    }
    check_channel(
        "base_url: 'https://h/v1/chat/completions'",
        &["?channels.a.base_url: looks like the whole address"],
    );
    check_channel(
        "base_url: 'https://h/v1/chat/completions', exact_url: true",
        &[],
    );
    check_channel(
        "exact_url: true",
        &["!channels.a.exact_url: exact_url without base_url"],
    );
}

#[test]
fn an_exact_url_keeps_its_query() {
    let channel = channel(&with_good_channel(
        "exact_url: true, base_url: 'https://h/a?v=1'",
    ));
    assert_eq!(channel.path_style, PathStyle::Exact);
    assert_eq!(
        (channel.base.path.as_str(), channel.query.as_str()),
        ("/a", "v=1")
    );
}

#[test]
fn replicas_stand_instead_of_an_address() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "base_url: 'http://h', endpoints: ['http://a']",
            &["!channels.a.endpoints: endpoints beside base_url"],
        ),
        ("endpoints: []", &["!channels.a.endpoints: no replica"]),
        (
            "endpoints: ['http://a', nowhere]",
            &["!channels.a.endpoints[1]: a URL without http"],
        ),
        (
            "endpoints: ['http://a', 'http://a/']",
            &["!channels.a.endpoints: a is listed twice"],
        ),
        (
            "endpoints: ['http://a', 'https://b']",
            &["!channels.a.endpoints: replicas that differ in scheme or path"],
        ),
        (
            "balance: random, health_check: {path: up}",
            &[
                "?channels.a.balance: no effect without endpoints",
                "?channels.a.health_check: no effect without endpoints",
                "!channels.a.health_check.path: not a path",
            ],
        ),
    ];
    for (more, expected) in cases {
        check_channel(more, expected);
    }
}

#[test]
fn azure_has_two_kinds_of_addresses() {
    let azure = |more: &str| {
        channel(&with_channel(&format!(
            "provider: azure, keys: [k], models: [gpt-4o], {more}"
        )))
    };
    let classic =
        azure("base_url: 'https://r.openai.azure.com', options: {api_version: 2025-04-01-preview}");
    assert_eq!(classic.path_style, PathStyle::AzureDeployment);
    assert_eq!(classic.query, "api-version=2025-04-01-preview");
    assert_eq!(
        classic.keys[0].header.as_ref().unwrap().0.as_str(),
        "api-key"
    );
    for url in [
        "https://r.openai.azure.com",
        "https://r.openai.azure.com/openai/v1/",
    ] {
        let v1 = azure(&format!("base_url: '{url}'"));
        assert_eq!(
            (v1.path_style, v1.base.path.as_str()),
            (PathStyle::Standard, "/openai/v1")
        );
        assert_eq!(v1.query, "");
    }
    let preview =
        azure("base_url: 'https://r.openai.azure.com/openai/v1', options: {api_version: preview}");
    assert_eq!(
        (preview.path_style, preview.query.as_str()),
        (PathStyle::Standard, "api-version=preview")
    );
    check(
        &with_channel(
            "provider: azure, keys: [k], models: [gpt-4o], base_url: 'https://r', options: {api_version: 'x&y'}",
        ),
        &["!channels.a.options.api_version: not an API version"],
    );
}

#[test]
fn an_anthropic_channel_brings_its_version() {
    let channel = channel(&with_channel(
        "provider: anthropic, keys: [k], models: [claude-sonnet-4-5]",
    ));
    let (name, value) = &channel.header_default[0];
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        ("anthropic-version", "2023-06-01")
    );
}

#[test]
fn options_are_the_provider_s_own() {
    check_channel(
        "options: {api_version: 1, h2x: true}",
        &[
            "!channels.a.options.api_version: unknown option — openai knows: h2c",
            "!channels.a.options.h2x: unknown option — did you mean `h2c`?",
        ],
    );
    check_channel(
        "options: {h2c: true}",
        &["!channels.a.options: h2c: cleartext HTTP/2"],
    );
    check_channel(
        "base_url: 'http://h', tls: {verify: false}",
        &["?channels.a.tls: no effect on an http"],
    );
}

#[test]
fn models_are_names_and_maps_of_names() {
    check_channel(
        "model_map: {'a*': b, c: 'd*', e: 3, '': f, g: }",
        &[
            "!channels.a.model_map.a*: not one model's name",
            "!channels.a.model_map.c: a wildcard as the upstream's name",
            "!channels.a.model_map.e: expected text, found `3` — put it in quotes",
            "!channels.a.model_map.: not one model's name",
            "!channels.a.model_map.g: missing",
        ],
    );
    let rest = "provider: openai, keys: [k]";
    check(
        &with_channel(&format!("{rest}, models: []")),
        &["!channels.a.models: no model"],
    );
    check(
        &with_channel(&format!("{rest}, model_map: {{gpt-4: gpt-4o}}")),
        &[],
    );
    check(
        &with_channel(&format!("{rest}, models: [gpt-4o, '', 4.1, gpt-4o]")),
        &[
            "!channels.a.models[1]: an empty model name",
            "!channels.a.models[2]: expected text, found `4.1`",
            "?channels.a.models[3]: `gpt-4o` is listed twice",
        ],
    );
}

#[test]
fn numbers_have_bounds() {
    check_channel(
        "priority: high, weight: -1, enabled: 2, breaker: {failures: x, window: 0s, opne: 1s}, \
         timeouts: {idle: 1}, status_map: {99: 500, 400: 600, x: 1}, key_rotation: spin",
        &[
            "!channels.a.priority: expected a whole number",
            "!channels.a.weight: expected a whole number from 0 to 1000000, found `-1`",
            "!channels.a.enabled: expected true or false",
            "!channels.a.key_rotation: expected one of random, round_robin",
            "!channels.a.breaker.failures: expected a whole number",
            "!channels.a.breaker.window: expected a duration from 1ms to 1d",
            "!channels.a.breaker.opne: unknown key — did you mean `open`?",
            "!channels.a.status_map.99: not a status",
            "!channels.a.status_map.400: expected a whole number from 100 to 599, found `600`",
            "!channels.a.status_map.x: not a status",
            "!channels.a.status_map.x: expected a whole number from 100 to 599, found `1`",
            "!channels.a.timeouts.idle: expected a duration",
        ],
    );
}

#[test]
fn no_error_is_made_an_answer() {
    check_channel(
        "status_map: {500: 200, 404: 399, 418: 400, 302: 200}",
        &[
            "!channels.a.status_map.500: makes an answer of an error",
            "!channels.a.status_map.404: makes an answer of an error",
        ],
    );
}

#[test]
fn headers_that_frame_the_message_are_not_the_operator_s() {
    check_channel(
        "headers: {set: {Host: x, 'a b': c, x-c: \"d\\ne\", x-e: , authorization: mine}, remove: [te, x-ok, 'ü']}",
        &[
            "!channels.a.headers.set.Host: a header the gateway sets itself",
            "!channels.a.headers.set.a b: not a header name",
            "!channels.a.headers.set.x-c: not a header value",
            "!channels.a.headers.set.x-e: a header without a value",
            "!channels.a.headers.remove[0]: a header the gateway sets itself",
            "!channels.a.headers.remove[2]: not a header name",
        ],
    );
}

#[test]
fn body_rules_leave_the_gateway_s_own_keys_alone() {
    check_channel(
        "body: {set: {stream: true, x: .nan}, default: {model: m}, remove: [stream]}",
        &[
            "?channels.a.body.remove[0]: changes `stream`",
            "?channels.a.body.default.model: changes `model`",
            "?channels.a.body.set.stream: changes `stream`",
            "!channels.a.body.set.x: a number that is not finite",
        ],
    );
}

#[test]
fn a_channel_serves_groups_that_exist() {
    check_channel(
        "groups: [vpi, auto]",
        &[
            "!channels.a.groups[0]: no group is called `vpi` — add it to groups",
            "!channels.a.groups[1]: auto is no group of its own",
        ],
    );
    check_channel("groups: []", &["!channels.a.groups: no group"]);
}

#[test]
fn conversion_is_the_channels_own_or_that_of_all() {
    use llm::loss::Strictness;
    let strictness = |yaml: &str| {
        let sources = Sources::from_text(yaml, &env).unwrap();
        compile(&sources, &LaneBook::new(), 1).unwrap().channels[0].strictness
    };
    let all = "\nconversion: strict";
    assert_eq!(strictness(&with_good_channel("")), Strictness::Lenient);
    assert_eq!(
        strictness(&(with_good_channel("") + all)),
        Strictness::Strict
    );
    assert_eq!(
        strictness(&(with_good_channel("conversion: lenient") + all)),
        Strictness::Lenient
    );
}

#[test]
fn a_key_keeps_its_lane_over_a_recompile_and_an_error_touches_none() {
    let lanes = LaneBook::new();
    let compile_text = |yaml: &str| compile(&Sources::from_text(yaml, &env)?, &lanes, 1);
    let first = compile_text(&with_good_channel("")).unwrap();
    let second = compile_text(&with_good_channel("weight: 5")).unwrap();
    let lane = |snapshot: &Snapshot| snapshot.channels[0].keys[0].lane.clone();
    assert!(std::sync::Arc::ptr_eq(&lane(&first), &lane(&second)));
    assert!(compile_text(&with_good_channel("breaker: {failures: 1}, weight: x")).is_err());
    let before = format!("{:?}", lane(&second));
    assert_eq!(format!("{:?}", lane(&first)), before);
}
