//! Limits that can match nothing: whoever wrote them believes to be protected.

use crate::pattern::Pattern;
use crate::place;
use crate::problem::Problem;
use crate::snapshot::{Channel, Snapshot};

/// Limits of groups and models that no request can fall under. Keys are told apart elsewhere.
pub(super) fn limits(snapshot: &Snapshot) -> Vec<Problem> {
    let enabled = snapshot.channels.iter().filter(|channel| channel.enabled);
    let channels: Vec<&Channel> = enabled.map(|channel| &**channel).collect();
    if channels.is_empty() {
        return Vec::new();
    }
    let limited = snapshot.groups.iter();
    let limited = limited.filter(|(_, group)| !group.limits.is_empty());
    let groups = limited.filter_map(|(name, _)| of_group(name, snapshot, &channels));
    let mut models: Vec<&str> = snapshot.prices.limited().collect();
    models.sort_unstable();
    let models = models.iter().filter_map(|name| of_model(name, &channels));
    groups.chain(models).collect()
}

fn of_group(name: &str, snapshot: &Snapshot, channels: &[&Channel]) -> Option<Problem> {
    let warn = |what: &str, advice: &str| {
        let path = place::key(&place::key("groups", name), "limits");
        Some(Problem::warning(path, what).hint(advice))
    };
    let serves = |channel: &&Channel| channel.groups.iter().any(|group| **group == *name);
    if !channels.iter().any(serves) {
        return warn(
            "no enabled channel serves the group, so they limit nothing",
            "add the group to a channel, or take them out",
        );
    }
    let mut keys = snapshot.tokens.values().filter(|token| token.enabled);
    let uses = |group: &str| snapshot.routes.tried(group).any(|tried| tried == name);
    // Without any key here, all of them are in the store.
    if !snapshot.tokens.is_empty() && !keys.any(|token| uses(&token.group)) {
        return warn(
            "no key under tokens uses the group, so they limit at most keys of the store",
            "give a key the group, or take them out if no key of the store has it",
        );
    }
    None
}

fn of_model(name: &str, channels: &[&Channel]) -> Option<Problem> {
    let limited = Pattern::new(name);
    if channels.iter().any(|channel| may_fall(&limited, channel)) {
        return None;
    }
    let path = place::key(&place::key("models", name), "limits");
    let what = match limited.is_exact() {
        true => "no enabled channel serves the model, so they limit nothing",
        false => "no enabled channel serves a model of that name, so they limit nothing",
    };
    Some(
        Problem::warning(path, what)
            .hint("limits go by the name that clients ask for: correct it, or add it to a channel"),
    )
}

/// Whether some name that the channel serves may fall under `limited`.
fn may_fall(limited: &Pattern, channel: &Channel) -> bool {
    super::checks::may_match(channel, limited)
        || channel.suffixes
            && channel
                .models
                .iter()
                .map(Pattern::as_str)
                .chain(channel.model_map.keys().map(String::as_str))
                .any(|served| may_be_extended(served, limited))
}

/// Whether `limited` may cover a served name with a suffix: a doubt is no warning.
fn may_be_extended(served: &str, limited: &Pattern) -> bool {
    let text = limited.as_str();
    match text.split_once('*') {
        Some((head, _)) => head.starts_with(served) || served.starts_with(head),
        None => text.starts_with(served),
    }
}
