//! What a configuration that compiles may still have forgotten.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::place;
use crate::problem::Problem;
use crate::snapshot::{Channel, Snapshot, Token};

/// Names a warning lists before it only counts.
const LISTED: usize = 10;

/// Everything about the whole that no single key shows.
pub(super) fn warnings(snapshot: &Snapshot, now: Timestamp) -> Vec<Problem> {
    let mut found = Vec::new();
    if !snapshot.channels.iter().any(|channel| channel.enabled) {
        found.push(
            Problem::warning("channels", "no channel: the gateway has no model to offer")
                .hint("add an upstream account; conf/tollgate.yaml shows one"),
        );
    }
    if snapshot.tokens.is_empty() {
        found.push(
            Problem::warning("tokens", "no key: every request is refused with 401")
                .hint("add one under tokens, or over the admin API"),
        );
    }
    let mut tokens: Vec<&Token> = snapshot.tokens.values().map(|token| &**token).collect();
    tokens.sort_by(|a, b| a.name.cmp(&b.name));
    for token in tokens.into_iter().filter(|token| token.enabled) {
        found.extend(useless(token, &format!("tokens.{}", token.name), snapshot));
    }
    found.extend(super::idle::limits(snapshot));
    found.extend(unpriced(snapshot, now));
    found
}

/// A key with which nothing can be asked; it stands at `path`.
pub(super) fn useless(token: &Token, path: &str, snapshot: &Snapshot) -> Option<Problem> {
    if snapshot.channels.is_empty() {
        return None;
    }
    let reaches = |channel: &Channel| {
        let mut tried = snapshot.routes.tried(&token.group);
        tried.any(|group| channel.groups.iter().any(|own| **own == *group))
    };
    let serving: Vec<&Channel> = snapshot
        .channels
        .iter()
        .map(|channel| &**channel)
        .filter(|channel| channel.enabled && reaches(channel))
        .collect();
    if serving.is_empty() {
        let what = format!("no enabled channel serves its group {:?}", token.group);
        return Some(
            Problem::warning(place::key(path, "group"), what)
                .hint("add the group to a channel, or give the key another one"),
        );
    }
    let idle: Vec<&str> = token
        .models
        .iter()
        .flatten()
        .filter(|wanted| !serving.iter().any(|channel| may_match(channel, wanted)))
        .map(|wanted| wanted.as_str())
        .collect();
    (!idle.is_empty()).then(|| {
        Problem::warning(
            place::key(path, "models"),
            format!(
                "no channel of group {:?} serves {}",
                token.group,
                list(&idle)
            ),
        )
        .hint("correct the name, or add it to a channel")
    })
}

/// Whether some name can be both what the channel serves and what the key may ask for. Two
/// wildcards are taken to meet: a doubt is no warning.
pub(super) fn may_match(channel: &Channel, wanted: &crate::pattern::Pattern) -> bool {
    let meets = |served: &crate::pattern::Pattern| {
        wanted.matches(served.as_str())
            || served.matches(wanted.as_str())
            || !(served.is_exact() || wanted.is_exact())
    };
    channel.models.iter().any(meets) || channel.model_map.keys().any(|name| wanted.matches(name))
}

/// Exact names that are served without a price.
fn unpriced(snapshot: &Snapshot, now: Timestamp) -> Option<Problem> {
    let mut names = BTreeSet::new();
    for channel in snapshot.channels.iter().filter(|channel| channel.enabled) {
        let exact = channel.models.iter().filter(|pattern| pattern.is_exact());
        let asked = exact
            .map(|pattern| pattern.as_str())
            .chain(channel.model_map.keys().map(String::as_str));
        for asked in asked {
            let upstream = channel.model_map.get(asked).map_or(asked, |name| name);
            if snapshot.prices.price(asked, upstream, now).is_none() {
                names.insert(asked);
            }
        }
    }
    if names.is_empty() {
        return None;
    }
    let names: Vec<&str> = names.into_iter().collect();
    let fate = match snapshot.billing.refuse_unpriced {
        true => "refused",
        false => "free",
    };
    Some(
        Problem::warning(
            "models",
            format!("no price, so they are {fate}: {}", list(&names)),
        )
        .hint("add a price: models: { NAME: { price: { input: 1, output: 2 } } }"),
    )
}

fn list(names: &[&str]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
