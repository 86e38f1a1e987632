//! Variables that deployments of the original system set already.

use std::time::Duration;

use super::*;

fn with<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| {
        let pair = pairs.iter().find(|(key, _)| *key == name);
        pair.map(|(_, value)| (*value).to_string())
    }
}

#[test]
fn they_stand_in_for_absent_keys() {
    let env = with(&[
        ("PORT", "8081"),
        ("STREAMING_TIMEOUT", "120"),
        ("MAX_REQUEST_BODY_MB", "64"),
        ("DATABASE_URL", "sqlite://other.db"),
        ("SESSION_SECRET", "x"),
        ("CRYPTO_SECRET", "y"),
        ("TOLLGATE_ADMIN_KEY", "an-admin-key-of-some-length"),
    ]);
    let snapshot = compile_with("", &env).unwrap();
    assert!(snapshot.admin.key.is_some());
    assert_eq!(snapshot.gateway.listen[0].address, "0.0.0.0:8081");
    assert_eq!(snapshot.gateway.timeouts.idle, Duration::from_secs(120));
    assert_eq!(snapshot.gateway.max_body, 64 << 20);
    assert_eq!(snapshot.store, "sqlite://other.db");
    assert!(snapshot.sealer.is_some());
    assert!(snapshot.warnings.iter().any(|problem| {
        problem.path == "environment variable CRYPTO_SECRET"
            && problem.what == "shorter than 16 characters"
    }));
}

#[test]
fn the_configuration_wins() {
    let env = with(&[
        ("PORT", "8081"),
        ("STREAMING_TIMEOUT", "120"),
        ("MAX_REQUEST_BODY_MB", "64"),
        ("SQL_DSN", "root:secret@tcp(db:3306)/oneapi"),
        ("REDIS_CONN_STRING", "redis://h"),
    ]);
    let yaml = "gateway: {listen: '127.0.0.1:1', idle_timeout: 7s, max_body: 1MiB}\n\
                store: 'sqlite::memory:'\nredis: ''\n";
    let snapshot = compile_with(yaml, &env).unwrap();
    assert_eq!(snapshot.gateway.listen[0].address, "127.0.0.1:1");
    assert_eq!(snapshot.gateway.timeouts.idle, Duration::from_secs(7));
    assert_eq!(snapshot.gateway.max_body, 1 << 20);
    assert_eq!(snapshot.store, "sqlite::memory:");
}

#[test]
fn stores_of_every_form_are_taken() {
    let cases = [
        ("SQL_DSN", "root:secret@tcp(db:3306)/oneapi?parseTime=true"),
        ("SQL_DSN", "postgres://u:secret@h/db"),
        ("DATABASE_URL", "postgresql://u:secret@h/db"),
    ];
    for (name, value) in cases {
        let snapshot = compile_with("", &with(&[(name, value)])).unwrap();
        assert_eq!(snapshot.store, value);
    }
    let both = with(&[
        ("DATABASE_URL", "sqlite://b.db"),
        ("SQL_DSN", "sqlite://a.db"),
    ]);
    assert_eq!(compile_with("", &both).unwrap().store, "sqlite://a.db");
}

#[test]
fn broken_or_unbuilt_addresses_are_refused_without_their_password() {
    let cases = [
        ("SQL_DSN", "root:secret@tcp(db:x)/oneapi", "bad port"),
        (
            "DATABASE_URL",
            "postgresql://u:secret@h",
            "without a database",
        ),
    ];
    for (name, value, what) in cases {
        let problems = compile_with("", &with(&[(name, value)])).err().unwrap();
        let problem = problems.iter().find(|problem| problem.is_error()).unwrap();
        let line = problem.to_string();
        assert!(
            line.starts_with(&format!("environment variable {name}: ")),
            "{line}"
        );
        assert!(line.contains(what), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
}

#[test]
fn redis_comes_from_the_environment_too() {
    use secrecy::ExposeSecret;
    let url = |value: &str| {
        let snapshot = compile_with("", &with(&[("REDIS_CONN_STRING", value)]));
        snapshot.map(|snapshot| snapshot.redis.map(|url| url.expose_secret().to_owned()))
    };
    assert_eq!(url("redis://h").unwrap().as_deref(), Some("redis://h"));
    let problems = url("h:6379:secret").unwrap_err();
    let text = problems[0].to_string();
    assert!(
        text.contains("REDIS_CONN_STRING") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn the_original_system_s_word_for_sqlite_is_understood() {
    let snapshot = compile_with("", &with(&[("SQL_DSN", "local")])).unwrap();
    assert_eq!(snapshot.store, "sqlite://data/tollgate.db");
    assert!(compile_with("", &with(&[("SQL_DSN", ""), ("PORT", "")])).is_ok());
}

#[test]
fn wrong_values_are_told_under_the_variable_s_name() {
    let env = with(&[
        ("PORT", "http"),
        ("STREAMING_TIMEOUT", "5m"),
        ("MAX_REQUEST_BODY_MB", "0"),
    ]);
    let problems = compile_with("", &env).err().unwrap();
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "environment variable PORT",
            "environment variable MAX_REQUEST_BODY_MB",
            "environment variable STREAMING_TIMEOUT",
        ]
    );
}

#[test]
fn azure_channels_take_the_default_version() {
    let env = with(&[("AZURE_DEFAULT_API_VERSION", "2024-10-21")]);
    let channel = |more: &str| {
        let yaml = with_channel(&format!(
            "provider: azure, keys: [k], models: [gpt-4o], {more}"
        ));
        let snapshot = compile_with(&yaml, &env).unwrap_or_else(|p| panic!("{}", lines(&p)));
        snapshot.channels[0].query.clone()
    };
    assert_eq!(channel("base_url: 'https://r'"), "api-version=2024-10-21");
    assert_eq!(
        channel("base_url: 'https://r', options: {api_version: '1'}"),
        "api-version=1"
    );
    assert_eq!(channel("base_url: 'https://r/openai/v1'"), "");
}

#[test]
fn an_encryption_key_may_be_absent_one_or_several() {
    let env = with(&[("CRYPTO_SECRET", "from-the-environment")]);
    let ids = |yaml: &str| {
        let snapshot = compile_with(yaml, &env).unwrap();
        format!("{:?}", snapshot.sealer)
    };
    assert_eq!(ids("encryption_key: ''"), "None", "the configuration wins");
    let (one, other) = (
        ids("encryption_key: one-0123456789abcdef"),
        ids("encryption_key: [other-0123456789abcdef]"),
    );
    let both = ids("encryption_key: [one-0123456789abcdef, '', other-0123456789abcdef]");
    let id = |text: &str| text[6..16].to_string();
    assert_eq!(both, format!("Some([{}, {}])", id(&one), id(&other)));
    assert_ne!(ids(""), one);
    let problems = compile_with("encryption_key: {a: b}", &env).err().unwrap();
    assert_eq!(problems[0].path, "encryption_key");
}
