//! Small questions a request asks the snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::RATIO_ONE;
use sha2::{Digest, Sha256};

use crate::rows::DocumentKind;
use crate::snapshot::{AUTO, Origin, Ratio, Snapshot, Token};

/// Bytes of a gateway key: a longer one does not fit into the header block.
pub const LONGEST_KEY: usize = 4096;

/// What a gateway key is found by. A key is hashed before it is looked up, so that the time of the
/// look-up says nothing about how much of a guess was right.
pub fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

impl Snapshot {
    /// The token of a gateway key.
    pub fn token(&self, key: &str) -> Option<&Arc<Token>> {
        self.tokens.get(&key_hash(key))
    }

    /// Whether users of `user_group` may use `group`; of `auto`, any group it tries. `None`: keys of
    /// the configuration, which may use everything.
    pub fn may_use(&self, user_group: Option<&str>, group: &str) -> bool {
        let Some(user_group) = user_group else {
            return true;
        };
        let may = |group: &str| {
            self.groups.get(group).is_some_and(|group| {
                let users = group.usable_by.as_ref();
                users.is_none_or(|users| users.iter().any(|user| user == user_group))
            })
        };
        self.routes.tried(group).any(may)
    }

    /// The groups behind `auto`, in the order to try them; none when there is no such group.
    pub fn auto(&self) -> impl Iterator<Item = &str> {
        self.routes.tried(AUTO)
    }

    /// What `group` multiplies the costs of users of `user_group` by: their special ratio for it,
    /// else its own.
    pub fn ratio(&self, user_group: Option<&str>, group: &str) -> Ratio {
        let special = user_group
            .and_then(|user_group| self.group_ratios.get(user_group))
            .and_then(|ratios| ratios.get(group));
        let own = || self.groups.get(group).map(|group| group.ratio);
        special.copied().or_else(own).unwrap_or(Ratio(RATIO_ONE))
    }

    /// Where a channel, group or model comes from; `None` for what is built in and for what there is
    /// not.
    pub fn origin(&self, kind: DocumentKind, name: &str) -> Option<Origin> {
        self.origins.get(&(kind, name.to_string())).copied()
    }

    /// The token of that name.
    pub fn token_named(&self, name: &str) -> Option<&Arc<Token>> {
        self.tokens.values().find(|token| *token.name == *name)
    }

    /// Every model name the configuration writes out: a bounded set, fit for metric labels.
    pub fn model_names(&self) -> BTreeSet<&str> {
        self.channels
            .iter()
            .flat_map(|channel| {
                let exact = channel.models.iter().filter(|pattern| pattern.is_exact());
                exact
                    .map(|pattern| pattern.as_str())
                    .chain(channel.model_map.keys().map(String::as_str))
            })
            .chain(self.prices.names())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::health::LaneBook;
    use crate::snapshot::AUTO;
    use crate::{Sources, compile};

    fn snapshot(yaml: &str) -> Snapshot {
        let sources = Sources::from_text(yaml, &|_| None).unwrap();
        compile(&sources, &LaneBook::new(), 1).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn groups_are_used_by_those_they_name() {
        let snapshot = snapshot(
            "groups: {vip: {usable_by: [vip, partner]}, none: {usable_by: []}, open: , \
             auto: {order: [none, vip]}}",
        );
        let cases = [
            (None, "vip", true),
            (None, "none", true),
            (Some("vip"), "vip", true),
            (Some("partner"), "vip", true),
            (Some("default"), "vip", false),
            (Some("default"), "open", true),
            (Some("none"), "none", false),
            (Some("default"), "missing", false),
            (Some("vip"), AUTO, true),
            (Some("default"), AUTO, false),
        ];
        for (user_group, group, may) in cases {
            assert_eq!(
                snapshot.may_use(user_group, group),
                may,
                "{user_group:?} {group}"
            );
        }
    }

    #[test]
    fn a_special_ratio_replaces_the_groups_own() {
        let snapshot =
            snapshot("groups: {vip: {ratio: 0.8}}\ngroup_ratios: {partner: {vip: 0.5}}\n");
        let cases = [
            (None, "vip", 800_000_000),
            (Some("default"), "vip", 800_000_000),
            (Some("partner"), "vip", 500_000_000),
            (Some("partner"), "default", RATIO_ONE),
            (Some("partner"), "missing", RATIO_ONE),
        ];
        for (user_group, group, ratio) in cases {
            assert_eq!(
                snapshot.ratio(user_group, group),
                Ratio(ratio),
                "{user_group:?} {group}"
            );
        }
    }
}
