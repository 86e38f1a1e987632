//! `tokens`: static gateway keys, kept as hashes.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::limit::Limits;
use ledger::{Nanos, book};
use sha2::{Digest, Sha256};

use super::channel::named;
use super::groups::{DEFAULT, Groups, Names};
use super::limits;
use super::network::network;
use super::routing::patterns;
use crate::lookup::LONGEST_KEY;
use crate::reader::{Field, Map};
use crate::snapshot::{AUTO, ROOT, Token};

/// A key shorter than this can be guessed.
const SHORTEST_KEY: usize = 8;

/// The keys that can be used.
pub(super) struct Tokens {
    pub(super) by_hash: HashMap<[u8; 32], Arc<Token>>,
}

/// Reads every key.
pub(super) fn read(root: &mut Map<'_>, groups: &Groups, now: Timestamp) -> Tokens {
    let mut names = HashMap::new();
    let mut keys: HashMap<[u8; 32], String> = HashMap::new();
    let mut by_hash = HashMap::new();
    for item in root.take("tokens").list() {
        let Some((name, mut map)) = named(&item, "tokens", &mut names) else {
            continue;
        };
        let key = map
            .take("key")
            .required("give it a key: ${NAME_OF_A_VARIABLE}");
        let hash = hash(&key);
        if let Some(first) = hash.and_then(|hash| keys.insert(hash, key.path().to_string())) {
            key.error(format!("the same as {first}"), "give each its own");
        }
        let token = token(name, map, groups, now);
        if let (Some(hash), Some(token)) = (hash, token) {
            by_hash.insert(hash, Arc::new(token));
        }
    }
    Tokens { by_hash }
}

/// The hash a key is found by; the key itself is not kept.
fn hash(field: &Field<'_>) -> Option<[u8; 32]> {
    let key = field.word("key")?;
    if key.chars().count() < SHORTEST_KEY {
        field.error(
            format!("shorter than {SHORTEST_KEY} characters"),
            "take a long random one: echo sk-$(openssl rand -hex 24)",
        );
        return None;
    }
    if key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        field.error(
            "a key that no client can send",
            format!("visible ASCII without spaces, at most {LONGEST_KEY} characters"),
        );
        return None;
    }
    Some(Sha256::digest(key.as_bytes()).into())
}

fn token(name: Option<Arc<str>>, map: Map<'_>, groups: &Groups, now: Timestamp) -> Option<Token> {
    let settings = Settings::read(map, Some(groups.names()), now);
    let name = name?;
    let owner = Owner {
        id: format!("yaml:{name}").into(),
        name,
        user: ROOT.into(),
        group: DEFAULT.into(),
    };
    Some(settings.into_token(owner))
}

/// What a key says beside its name and itself.
pub(super) struct Settings {
    pub(super) group: Option<Arc<str>>,
    models: Option<Vec<crate::pattern::Pattern>>,
    expires_at: Option<Timestamp>,
    allow_ips: Vec<IpNet>,
    limits: Limits,
    budget: Option<Nanos>,
    enabled: bool,
}

/// Whose key it is, and what it is called.
pub(super) struct Owner {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) user: Arc<str>,
    /// The group of a key that names none.
    pub(super) group: Arc<str>,
}

impl Settings {
    /// Reads them; without `groups` any name of a group will do.
    pub(super) fn read(mut map: Map<'_>, groups: Option<Names<'_>>, now: Timestamp) -> Settings {
        let group = group(&map.take("group"), groups);
        let models = models(&map.take("models"));
        let expires_at = expiry(&map.take("expires_at"), now);
        let networks = map.take("allow_ips");
        let allow_ips = networks.list();
        if networks.is_list() && allow_ips.is_empty() {
            networks.warn(
                "no network: any address may use the key",
                "leave it out if that is meant",
            );
        }
        let allow_ips = allow_ips.iter().filter_map(network).collect();
        let enabled = map.take("enabled").boolean().unwrap_or(true);
        let budget = budget(&map.take("budget"));
        let limits = limits::read(&map.take("limits"));
        map.finish();
        Settings {
            group,
            models,
            expires_at,
            allow_ips,
            limits,
            budget,
            enabled,
        }
    }

    pub(super) fn into_token(self, owner: Owner) -> Token {
        Token {
            account: book::key_account(&owner.id).into(),
            id: owner.id,
            name: owner.name,
            user: owner.user,
            group: self.group.unwrap_or(owner.group),
            models: self.models,
            expires_at: self.expires_at,
            allow_ips: self.allow_ips,
            limits: self.limits,
            budget: self.budget,
            enabled: self.enabled,
        }
    }
}

fn group(field: &Field<'_>, groups: Option<Names<'_>>) -> Option<Arc<str>> {
    let name = field.word("group name")?;
    match (name, groups) {
        (AUTO, Some(groups)) if !groups.has_auto => field.error(
            "there is no order to try groups in",
            "say it: groups: { auto: { order: [default] } }",
        ),
        (AUTO, _) | (_, None) => {}
        (name, Some(groups)) => drop(groups.known(field, name)),
    }
    Some(name.into())
}

fn models(field: &Field<'_>) -> Option<Vec<crate::pattern::Pattern>> {
    if field.is_absent() {
        return None;
    }
    let patterns = patterns(field);
    if field.is_list() && field.list().is_empty() {
        field.error(
            "a key that may ask for nothing",
            "leave models out for all, or use enabled: false",
        );
    }
    Some(patterns)
}

fn budget(field: &Field<'_>) -> Option<Nanos> {
    let nanos = field.nanos("an amount in USD")?;
    if nanos == 0 {
        field.warn(
            "nothing to spend: only models without a price answer",
            "leave it out for any amount",
        );
    }
    Some(Nanos(nanos))
}

fn expiry(field: &Field<'_>, now: Timestamp) -> Option<Timestamp> {
    let at = time(field)?;
    if at <= now {
        field.warn(
            "in the past: the key is refused",
            "set a later time, or take the key out",
        );
    }
    Some(at)
}

/// A time with its offset, or a day, which begins in UTC.
pub(super) fn time(field: &Field<'_>) -> Option<Timestamp> {
    let text = field.word("time")?;
    let day = || {
        Some(
            text.parse::<Date>()
                .ok()?
                .to_zoned(TimeZone::UTC)
                .ok()?
                .timestamp(),
        )
    };
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let plain = text.len() == "2026-01-01".len();
        plain.then(day).flatten()
    });
    if at.is_none() {
        field.error("not a time", "write 2027-01-01T00:00:00Z or 2027-01-01");
    }
    at
}
