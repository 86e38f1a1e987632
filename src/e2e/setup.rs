//! The configuration a test gives its gateway: quiet defaults, and what the test is about.

use serde_json::{Value, json};

use crate::dialect::Dialect;

/// The caller key of every test.
pub const CALLER_KEY: &str = "sk-e2e-caller-0123456789abcdef";
/// The admin key of every test.
pub const ADMIN_KEY: &str = "e2e-admin-0123456789abcdef";
/// The token's name in records.
pub const CALLER: &str = "e2e";

/// A configuration, as JSON (which is YAML).
#[derive(Clone, Debug)]
pub struct Setup(Value);

impl Default for Setup {
    fn default() -> Self {
        Setup::new()
    }
}

impl Setup {
    /// Free loopback ports, a store and a journal in the gateway's own folder, one caller, no channel.
    pub fn new() -> Setup {
        Setup(json!({
            "gateway": { "listen": "127.0.0.1:0", "drain": "10s" },
            "admin": { "listen": "127.0.0.1:0", "key": ADMIN_KEY },
            "metrics": { "listen": "127.0.0.1:0" },
            "store": "sqlite://tollgate.db",
            "journal": "journal",
            "tokens": [{ "name": CALLER, "key": CALLER_KEY }],
            "channels": [],
        }))
    }

    /// One channel of that format that serves every model name.
    pub fn one(url: &str, dialect: Dialect) -> Setup {
        Setup::new().channel(channel("main", url, dialect))
    }

    /// Adds a channel.
    #[must_use]
    pub fn channel(mut self, channel: Value) -> Setup {
        if let Some(channels) = self.0["channels"].as_array_mut() {
            channels.push(channel);
        }
        self
    }

    /// Adds a channel that answers only requests of its own format: a group of its own, and a key for
    /// that group, which [`Call`](crate::Call) presents in place of the usual one.
    #[must_use]
    pub fn apart(self, dialect: Dialect, channel: Value) -> Setup {
        let group = dialect.name();
        let token = json!({
            "name": format!("{CALLER}-{group}"), "key": own_key(dialect), "group": group,
        });
        self.channel(altered(channel, json!({ "groups": [group] })))
            .token(token)
            .with(json!({ "groups": { group: { "ratio": 1 } } }))
    }

    /// Adds a caller.
    #[must_use]
    pub fn token(mut self, token: Value) -> Setup {
        if let Some(tokens) = self.0["tokens"].as_array_mut() {
            tokens.push(token);
        }
        self
    }

    /// Lays `change` over the configuration: maps merge, everything else replaces.
    #[must_use]
    pub fn with(mut self, change: Value) -> Setup {
        merge(&mut self.0, change);
        self
    }

    /// The text for the file.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.0)
    }
}

/// The key of a dialect's own group.
pub fn own_key(dialect: Dialect) -> String {
    format!("{CALLER_KEY}-{}", dialect.name())
}

/// Whether some channel of a configuration is [`apart`](Setup::apart).
pub(crate) fn is_apart(text: &str) -> bool {
    Dialect::ALL
        .iter()
        .any(|dialect| text.contains(&own_key(*dialect)))
}

/// A channel of provider `custom`, its upstream key `sk-upstream-<name>`, serving every name.
pub fn channel(name: &str, url: &str, dialect: Dialect) -> Value {
    json!({
        "name": name,
        "provider": "custom",
        "base_url": url,
        "formats": [dialect.name()],
        "keys": [format!("sk-upstream-{name}")],
        "models": ["*"],
    })
}

/// `base` with the keys of `change` over it.
#[must_use]
pub fn altered(mut base: Value, change: Value) -> Value {
    merge(&mut base, change);
    base
}

fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change,
    }
}
