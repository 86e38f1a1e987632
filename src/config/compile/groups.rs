//! `groups` and `group_ratios`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::RATIO_ONE;
use ledger::limit::Limits;

use super::limits;
use crate::reader::{Field, Map, did_you_mean};
use crate::snapshot::{AUTO, Group, Ratio, Snapshot};

/// The group of whoever says none; always there.
pub(crate) const DEFAULT: &str = "default";

/// What the sections say.
pub(super) struct Groups {
    pub(super) by_name: BTreeMap<String, Group>,
    pub(super) ratios: BTreeMap<String, BTreeMap<String, Ratio>>,
    /// The groups that `auto` tries, in order; empty when there is no such group.
    pub(super) auto: Vec<Arc<str>>,
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
        auto: Vec::new(),
    };
    let mut usable_by = Vec::new();
    let mut several = None;
    for (name, field) in root.take("groups").entries() {
        if name == AUTO {
            several = Some(field);
        } else if name.trim() != name || name.is_empty() {
            field.error("a group without a proper name", "take the spaces out");
        } else {
            groups
                .by_name
                .insert(name.to_string(), group(&field, &mut usable_by));
        }
    }
    groups.auto = several.map_or(Vec::new(), |field| auto(&field, &groups));
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

/// The groups to try, once each. Who may use them is not asked here: keys of the configuration are
/// the operator's own (user root), who may use any, and for others a plan leaves out those they may not.
fn auto(field: &Field<'_>, groups: &Groups) -> Vec<Arc<str>> {
    let mut map = field.map();
    let list = map.take("order").required("list the groups to try");
    let mut order: Vec<Arc<str>> = Vec::new();
    for item in list.list() {
        let Some(name) = item.word("group name") else {
            continue;
        };
        if order.iter().any(|known| **known == *name) {
            item.warn("named before", "once is enough: it is tried once");
        } else if groups.known(&item, name) {
            order.push(name.into());
        }
    }
    if list.is_list() && list.list().is_empty() {
        list.error("no group", "list the groups to try");
    }
    map.finish();
    order
}

impl Groups {
    /// Whether the group exists; a missing one is reported at `field`.
    pub(super) fn known(&self, field: &Field<'_>, name: &str) -> bool {
        self.names().known(field, name)
    }

    /// What names of groups are held against.
    pub(super) fn names(&self) -> Names<'_> {
        Names {
            by_name: &self.by_name,
            has_auto: !self.auto.is_empty(),
        }
    }
}

/// The groups there are.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    by_name: &'a BTreeMap<String, Group>,
    /// Whether `auto` has groups to try.
    pub(super) has_auto: bool,
}

impl<'a> Names<'a> {
    /// Those of a configuration that runs.
    pub(super) fn of(snapshot: &'a Snapshot) -> Names<'a> {
        Names {
            by_name: &snapshot.groups,
            has_auto: snapshot.routes.tried(AUTO).next().is_some(),
        }
    }

    /// Whether the group exists; a missing one is reported at `field`.
    pub(super) fn known(&self, field: &Field<'_>, name: &str) -> bool {
        if name == AUTO {
            field.error(
                "auto is no group of its own",
                "name a group; only a key may try several",
            );
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
