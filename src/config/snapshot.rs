//! What a request needs to know, in the form it needs it; immutable, shared, swapped whole.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use jiff::Timestamp;
use ledger::Nanos;
use ledger::limit::Limits;
use llm::Format;
use secrecy::SecretString;
use serde_json::value::RawValue;

use crate::health::Lane;
use crate::price::PriceBook;
use crate::rows::DocumentKind;
use crate::seal::Sealer;

/// The compiled configuration. A request takes one `Arc` of it and keeps it to its end.
pub struct Snapshot {
    /// Counts the configurations this process has run, from 1.
    pub number: u64,
    /// `number` and a hash of the content, as records show it.
    pub generation: Arc<str>,
    /// The `gateway` section.
    pub gateway: Gateway,
    /// The `admin` section.
    pub admin: Admin,
    /// Where `/metrics` is served.
    pub metrics: Listen,
    /// The `store` URL.
    pub store: String,
    /// The `redis` URL: counters that nodes share.
    pub redis: Option<SecretString>,
    /// The `retention` section.
    pub retention: Retention,
    /// The `journal` section.
    pub journal: ledger::journal::Options,
    /// The `billing` section.
    pub billing: Billing,
    /// The `limits` section.
    pub limits: LimitSettings,
    /// The `log` section.
    pub log: Log,
    /// Every enabled or disabled channel, in the order of the configuration.
    pub channels: Vec<Arc<Channel>>,
    /// Gateway keys, by the SHA-256 of the key.
    pub tokens: HashMap<[u8; 32], Arc<Token>>,
    /// Prices, limits and context sizes of models.
    pub prices: PriceBook,
    /// Groups, by name.
    pub groups: BTreeMap<String, Group>,
    /// `group_ratios`: user group -> used group -> ratio.
    pub group_ratios: BTreeMap<String, BTreeMap<String, Ratio>>,
    /// What `check` and the log say about a configuration that compiles all the same.
    pub warnings: Vec<crate::problem::Problem>,
    /// Settings that were changed and wait for a restart.
    pub waiting: usize,
    /// Where channels, groups and models come from; those that are built in are not among them.
    pub origins: Origins,
    /// Seals and opens the provider keys of the store, when there is an `encryption_key`.
    pub sealer: Option<Sealer>,
    /// group -> the channels serving it, best first (built by `compile`, read by `plan`).
    pub(crate) routes: crate::plan::Routes,
}

/// The group of keys that try several, one after another, in the order of `groups.auto`.
pub const AUTO: &str = "auto";

/// The owner of keys from the configuration, who may have keys in the store too.
pub const ROOT: &str = "root";

/// What gives a channel, a group or a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator's files: nothing else may change it.
    File,
    /// A document of the store.
    Store,
}

/// The origin of each, by kind and name.
pub type Origins = BTreeMap<(DocumentKind, String), Origin>;

/// A ratio as an integer of 10^-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(pub u64);

/// One address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `host:port`; port 0 takes a free one.
    pub address: String,
    /// Certificate and key files, when TLS is spoken.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// The `gateway` section.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// At least one address.
    pub listen: Vec<Listen>,
    /// Bytes of a request body after decompression.
    pub max_body: usize,
    /// Further attempts after the first.
    pub retries: u32,
    /// Defaults of the channels' timers.
    pub timeouts: Timeouts,
    /// Hold a streamed answer until its first content.
    pub resilient_streams: bool,
    /// The longest drain after SIGTERM.
    pub drain: Duration,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Allowed origins; empty turns CORS off; `*` allows all.
    pub cors_origins: Vec<String>,
    /// Send receipt headers.
    pub receipt: bool,
}

/// Timers of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Until the response head; of a held stream until its first content.
    pub first_byte: Duration,
    /// Silence inside a response.
    pub idle: Duration,
}

/// The `admin` section.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where the admin API listens.
    pub listen: Listen,
    /// The bearer key; none: every call is 401.
    pub key: Option<SecretString>,
}

/// The `retention` section.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How long the rows of requests are kept, and their usage by the hour.
    pub requests: Duration,
    /// How long the audit log is.
    pub audit: Duration,
}

/// The `billing` section.
#[derive(Clone, Copy, Debug)]
pub struct Billing {
    /// Whether a model without a price is refused (else it is free).
    pub refuse_unpriced: bool,
    /// Output tokens held when nobody says a maximum.
    pub hold_output: u64,
    /// What one node takes of a budget or a balance at a time, to spend it without asking.
    pub lease: Nanos,
}

/// The `limits` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Whether limits hold.
    pub enforce: Enforce,
    /// Refuse limited callers while the shared counters cannot be reached (else they go on
    /// unlimited).
    pub closed_when_away: bool,
}

/// Whether limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforce {
    /// What is over a limit is refused.
    On,
    /// What would be refused is only counted.
    Shadow,
    /// Nothing is even counted.
    Off,
}

/// The `log` section.
#[derive(Clone, Debug)]
pub struct Log {
    /// A `tracing` filter: `info`, `debug`, `tollgate=debug`.
    pub level: String,
    /// JSON lines instead of text.
    pub json: bool,
}

/// A group of callers and channels.
#[derive(Clone, Debug)]
pub struct Group {
    /// Multiplies every cost.
    pub ratio: Ratio,
    /// User groups that may use it; `None`: everyone.
    pub usable_by: Option<Vec<String>>,
    /// Of all its keys together.
    pub limits: Limits,
}

/// A static gateway key.
#[derive(Debug)]
pub struct Token {
    /// Unique name.
    pub name: Arc<str>,
    /// Stable id: `yaml:` and the name.
    pub id: Arc<str>,
    /// The purse of its budget: `key:` and the id.
    pub account: Arc<str>,
    /// The owner: `root` for keys from YAML.
    pub user: Arc<str>,
    /// The group it uses; `auto` stands for several.
    pub group: Arc<str>,
    /// Names or wildcards it may ask for; `None`: all.
    pub models: Option<Vec<crate::pattern::Pattern>>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// Addresses it may be used from; empty: any.
    pub allow_ips: Vec<IpNet>,
    /// Of this key alone.
    pub limits: Limits,
    /// What it may spend in all; `None`: any amount.
    pub budget: Option<Nanos>,
    /// A disabled key is refused like an unknown one.
    pub enabled: bool,
}

/// A user of the store, as requests need it. Keys of the configuration have none: they are the
/// operator's own (user root).
#[derive(Debug)]
pub struct User {
    /// Unique for ever.
    pub name: Arc<str>,
    /// Which groups it may use, and at which ratio.
    pub group: Arc<str>,
    /// The purse that pays: `user:` and the name.
    pub account: Arc<str>,
    /// Its balance does not bound it.
    pub unlimited: bool,
    /// Keys of a disabled user are refused like unknown ones.
    pub enabled: bool,
    /// Of all its keys together.
    pub limits: Limits,
}

impl Token {
    /// Whether the key may be used from `client`.
    pub fn allows_ip(&self, client: IpAddr) -> bool {
        self.allow_ips.is_empty() || self.allow_ips.iter().any(|net| net.contains(&client))
    }

    /// Whether the key may ask for `model`.
    pub fn allows_model(&self, model: &str) -> bool {
        self.models
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(model)))
    }
}

/// How a credential is put on the upstream request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer K`.
    Bearer,
    /// `x-api-key: K`.
    XApiKey,
    /// `x-goog-api-key: K`.
    XGoogApiKey,
    /// `api-key: K`.
    ApiKey,
    /// No credential.
    None,
}

/// How the path of an upstream request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// The standard path of the format, or `base path + the part after /v1` (contract `base_url`).
    Standard,
    /// `base_url` is the whole address.
    Exact,
    /// Azure classic: `/openai/deployments/{model}/…?api-version=`.
    AzureDeployment,
}

/// The scheme, authority and base path of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Speaks TLS.
    pub https: bool,
    /// Name or literal address, without brackets.
    pub host: String,
    /// Port, also when it is the default one.
    pub port: u16,
    /// What the `Host` header says: the port only when it is not the scheme's default.
    pub authority: String,
    /// Path without trailing slash; empty when the URL has none.
    pub path: String,
}

/// How replicas are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// By chance.
    Random,
    /// By a hash of the prompt's prefix.
    Consistent,
}

/// The replicas of a channel.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// At least one.
    pub bases: Vec<Base>,
    /// How one is chosen.
    pub balance: Balance,
    /// Path and period of the health check.
    pub health_check: Option<(String, Duration)>,
}

/// How keys of a channel are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRotation {
    /// By chance.
    Random,
    /// In turn.
    RoundRobin,
}

/// One credential of a channel and the state of its lane.
pub struct UpstreamKey {
    /// The header value to send, built once and marked sensitive; `None` for `Auth::None`.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// The key itself, so that error texts can be scrubbed of it.
    pub secret: SecretString,
    /// Breaker and disabled state: survives reloads, shared by id.
    pub lane: Arc<Lane>,
}

/// Changes to the upstream body, on top-level keys, in this order.
#[derive(Clone, Debug, Default)]
pub struct BodyRules {
    /// Keys taken out.
    pub remove: Vec<String>,
    /// Keys added when absent.
    pub default: Vec<(String, Box<RawValue>)>,
    /// Keys set.
    pub set: Vec<(String, Box<RawValue>)>,
}

impl BodyRules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.default.is_empty() && self.set.is_empty()
    }
}

/// An upstream account.
pub struct Channel {
    /// Unique; the id in logs, metrics and the admin API.
    pub name: Arc<str>,
    /// Position in `Snapshot::channels`.
    pub index: usize,
    /// The provider's row name.
    pub provider: Arc<str>,
    /// Formats it speaks, best first. Never empty.
    pub formats: Vec<Format>,
    /// Where it is, when it has no replicas.
    pub base: Base,
    /// Replicas, instead of `base`.
    pub endpoints: Option<Endpoints>,
    /// How paths are made.
    pub path_style: PathStyle,
    /// Path of each format when the provider's differs from the standard one, `{model}` replaced.
    pub paths: BTreeMap<Format, String>,
    /// Query parameters always added (`api-version`), already encoded, without `?`.
    pub query: String,
    /// How the credential is put.
    pub auth: Auth,
    /// At least one; a single empty one for `Auth::None`.
    pub keys: Vec<UpstreamKey>,
    /// How keys are chosen.
    pub key_rotation: KeyRotation,
    /// Names and wildcards clients may ask for.
    pub models: Vec<crate::pattern::Pattern>,
    /// Asked name -> upstream name; its keys are served too.
    pub model_map: BTreeMap<String, Arc<str>>,
    /// Served groups.
    pub groups: Vec<Arc<str>>,
    /// Higher first.
    pub priority: i64,
    /// Share inside a tier; 0: last inside its tier.
    pub weight: u32,
    /// Off: in no route.
    pub enabled: bool,
    /// Upstream status -> the status it is judged as.
    pub status_map: HashMap<u16, u16>,
    /// Headers the provider needs, for requests that do not bring their own.
    pub header_default: Vec<(HeaderName, HeaderValue)>,
    /// Headers set on the upstream request.
    pub header_set: Vec<(HeaderName, HeaderValue)>,
    /// Headers taken off the upstream request.
    pub header_remove: Vec<HeaderName>,
    /// Changes to the body.
    pub body: BodyRules,
    /// Put before the caller's system prompt; empty: nothing.
    pub system_prompt: String,
    /// Show reasoning inside `<think>` in the answer's text.
    pub thinking_to_content: bool,
    /// Reasoning suffixes of model names are understood.
    pub suffixes: bool,
    /// What becomes of hints that another format cannot carry.
    pub strictness: llm::loss::Strictness,
    /// Provider peculiarities that change a same-format body or how its answer is read.
    pub quirks: llm::dialect::Quirks,
    /// Timers of an attempt.
    pub timeouts: Timeouts,
    /// 401 and exhausted accounts take a key out.
    pub auto_disable: bool,
    /// A certificate authority for the upstream's certificate, as PEM.
    pub tls_ca: Option<PathBuf>,
    /// Whether the upstream's certificate is checked.
    pub tls_verify: bool,
    /// Cleartext HTTP/2 to the upstream (`options.h2c`).
    pub h2c: bool,
}
