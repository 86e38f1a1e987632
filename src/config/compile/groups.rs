//! `groups` and `group_ratios`.

use std::collections::BTreeMap;

use ledger::RATIO_ONE;
use ledger::limit::Limits;

use super::{limits, unbuilt};
use crate::reader::{Field, Map, did_you_mean};
use crate::snapshot::{Group, Ratio};

/// The group of whoever says none; always there.
pub(super) const DEFAULT: &str = "default";
/// The group of keys that try several.
const AUTO: &str = "auto";

/// What the sections say.
pub(super) struct Groups {
    pub(super) by_name: BTreeMap<String, Group>,
    pub(super) ratios: BTreeMap<String, BTreeMap<String, Ratio>>,
}

/// Reads both sections.
pub(super) fn read(root: &mut Map<'_>) -> Groups {
    let plain = Group {
        ratio: Ratio(RATIO_ONE),
        usable_by: None,
        limits: Limits::default(),
    };
    let mut groups = Groups {
        by_name: BTreeMap::from([(DEFAULT.to_string(), plain)]),
        ratios: BTreeMap::new(),
    };
    let mut usable_by = Vec::new();
    for (name, field) in root.take("groups").entries() {
        if name == AUTO {
            auto(&field);
        } else if name.trim() != name || name.is_empty() {
            field.error("a group without a proper name", "take the spaces out");
        } else {
            groups
                .by_name
                .insert(name.to_string(), group(&field, &mut usable_by));
        }
    }
    let ratios = root.take("group_ratios");
    for (user_group, used) in ratios.entries() {
        let used = used.entries().into_iter().filter_map(|(name, field)| {
            let known = groups.known(&field, name);
            let ratio = ratio(&field)?;
            known.then(|| (name.to_string(), ratio))
        });
        let used = used.collect();
        groups.ratios.insert(user_group.to_string(), used);
    }
    warn_of_strangers(&usable_by, &groups);
    groups
}

/// Reads a group; who may use it is looked at again when all groups are known.
fn group<'a>(field: &Field<'a>, usable_by: &mut Vec<Field<'a>>) -> Group {
    let mut map = field.map();
    let users = map.take("usable_by");
    let group = Group {
        ratio: ratio(&map.take("ratio")).unwrap_or(Ratio(RATIO_ONE)),
        usable_by: names(&users),
        limits: limits::read(&map.take("limits")),
    };
    usable_by.push(users);
    map.finish();
    group
}

fn ratio(field: &Field<'_>) -> Option<Ratio> {
    let nanos = field.nanos("a ratio like 0.8")?;
    u64::try_from(nanos).ok().map(Ratio)
}

fn names(field: &Field<'_>) -> Option<Vec<String>> {
    if field.is_absent() {
        return None;
    }
    let words = field.list();
    if field.is_list() && words.is_empty() {
        field.warn("usable by nobody", "leave it out for everyone");
    }
    Some(
        words
            .iter()
            .filter_map(|item| item.word("group name"))
            .map(str::to_string)
            .collect(),
    )
}

fn auto(field: &Field<'_>) {
    let mut map = field.map();
    let order = map.take("order").required("list the groups to try");
    for item in order.list() {
        item.word("group name");
    }
    map.finish();
    unbuilt::refuse(field, "take the group out and name one group per key");
}

impl Groups {
    /// Whether the group exists; a missing one is reported at `field`.
    pub(super) fn known(&self, field: &Field<'_>, name: &str) -> bool {
        if name == AUTO {
            unbuilt::refuse(field, "name one group");
            return false;
        }
        let known = self.by_name.contains_key(name);
        if !known {
            let shown = match field.peek() {
                Some(text) if text == name => field.shown(),
                _ => format!("`{name}`"),
            };
            let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            let fallback = format!("add it to groups; there are: {}", names.join(", "));
            field.error(
                format!("no group is called {shown}"),
                did_you_mean(name, &names, &fallback),
            );
        }
        known
    }
}

/// A user group that occurs nowhere else is likely misspelt.
fn warn_of_strangers(usable_by: &[Field<'_>], groups: &Groups) {
    for user in usable_by.iter().flat_map(Field::list) {
        let known = |name| groups.by_name.contains_key(name) || groups.ratios.contains_key(name);
        if user
            .peek()
            .is_some_and(|name| !name.is_empty() && !known(name))
        {
            user.warn(
                format!("no group is called {}", user.shown()),
                "add it to groups if its users have other rights than default",
            );
        }
    }
}
