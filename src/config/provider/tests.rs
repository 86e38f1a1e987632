use http::{HeaderName, HeaderValue, Uri};

use super::*;

fn rows() -> BTreeMap<String, Provider> {
    row::parse(TEXT).expect("conf/providers.yaml parses")
}

#[test]
fn every_row_can_be_used() {
    for (name, row) in rows() {
        assert_eq!(row.name, name);
        if name != "custom" {
            assert!(!row.formats.is_empty(), "{name} speaks something");
        }
        let mut formats = row.formats.clone();
        formats.sort_unstable();
        formats.dedup();
        assert_eq!(
            formats.len(),
            row.formats.len(),
            "{name} names a format twice"
        );
        if let Some(url) = &row.base_url {
            assert_base(&name, url);
        }
        for (format, path) in &row.paths {
            assert!(
                row.formats.contains(format),
                "{name} has a path for {format} only"
            );
            assert!(
                path.starts_with('/') && !path.ends_with('/'),
                "{name}: {path}"
            );
        }
        for (header, value) in &row.headers {
            assert!(HeaderName::try_from(header).is_ok(), "{name}: {header}");
            assert!(HeaderValue::try_from(value).is_ok(), "{name}: {value}");
        }
        assert!(
            row.options.iter().any(|key| key == "h2c"),
            "{name} knows h2c"
        );
    }
}

fn assert_base(name: &str, url: &str) {
    let parsed: Uri = url.parse().expect(name);
    let local = parsed.host() == Some("127.0.0.1");
    let scheme = if local { "http" } else { "https" };
    assert_eq!(parsed.scheme_str(), Some(scheme), "{name}");
    assert!(parsed.query().is_none(), "{name}: {url}");
    assert!(!url.ends_with('/'), "{name}: {url}");
}

#[test]
fn the_names_tests_rely_on_are_there() {
    let builtin = Providers::builtin();
    let formats = |name: &str| builtin.get(name).expect(name).formats.clone();
    assert_eq!(formats("openai"), [Format::Chat, Format::Responses]);
    assert_eq!(formats("anthropic"), [Format::Messages]);
    assert_eq!(formats("gemini"), [Format::Gemini]);
    for name in ["azure", "deepseek", "openrouter", "ollama", "custom"] {
        assert!(builtin.get(name).is_some(), "{name}");
    }
    assert_eq!(builtin.names().count(), rows().len());

    let custom = builtin.get("custom").expect("custom");
    assert_eq!((&custom.base_url, custom.auth), (&None, Auth::Bearer));
    assert!(custom.formats.is_empty());
    assert_eq!(custom.options, ["auth", "h2c"]);
}

#[test]
fn the_accents_are_known() {
    let builtin = Providers::builtin();
    let quirks = |name: &str| builtin.get(name).expect(name).quirks;
    assert!(quirks("xai").has(Quirks::REASONING_OUTSIDE_OUTPUT));
    assert!(quirks("openrouter").has(Quirks::ERRORS_IN_200));
    assert!(quirks("mistral").has(Quirks::NO_STREAM_OPTIONS.with(Quirks::MAX_TOKENS_ONLY)));
    assert_eq!(quirks("openai"), Quirks::TOOLS_OVER_RESPONSES);
    assert_eq!(quirks("anthropic"), Quirks::NONE);
}

#[test]
fn own_paths_hold_on_the_providers_own_host_only() {
    let builtin = Providers::builtin();
    let paths = |name: &str, base: &str| builtin.get(name).expect(name).paths_below(base).len();
    assert_eq!(paths("deepseek", ""), 1);
    assert_eq!(paths("deepseek", "/v1"), 1);
    assert_eq!(paths("deepseek", "/beta"), 0);
    assert_eq!(paths("qwen", "/compatible-mode/v1"), 1);
    assert_eq!(paths("qwen", "/behind/a/proxy/v1"), 0);
    assert_eq!(paths("azure", ""), 2);
    assert_eq!(paths("azure", "/openai/v1"), 0);
}

#[test]
fn a_wrong_row_is_named() {
    let fault = |text: &str| row::parse(text).expect_err(text);
    assert!(fault("a: { quirks: [stutters] }").contains("stutters"));
    assert!(fault("a: { base_ulr: x }").contains("base_ulr"));
    assert!(fault("a: { formats: [soap] }").contains("soap"));
}

#[test]
fn rows_override_by_name() {
    let mut own = Providers::builtin().get("openai").expect("openai").clone();
    own.base_url = Some("https://example.com".to_owned());
    let before = Providers::builtin().names().count();
    let all = Providers::builtin().clone().extend([own.clone()]);
    assert_eq!(all.get("openai"), Some(&own));
    assert_eq!(all.names().count(), before);
}
