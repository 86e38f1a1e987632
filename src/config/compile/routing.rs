//! Who is sent to a channel, and under which names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::{DEFAULT, Groups};
use crate::pattern::Pattern;
use crate::reader::{Field, Map};
use crate::snapshot::KeyRotation;

const PRIORITY: std::ops::RangeInclusive<i64> = -1_000_000_000..=1_000_000_000;
const WEIGHT: std::ops::RangeInclusive<u32> = 0..=1_000_000;

/// What a channel says of it.
pub(super) struct Routing {
    pub(super) models: Vec<Pattern>,
    pub(super) model_map: BTreeMap<String, Arc<str>>,
    pub(super) groups: Vec<Arc<str>>,
    pub(super) priority: i64,
    pub(super) weight: u32,
    pub(super) enabled: bool,
    pub(super) key_rotation: KeyRotation,
}

impl Routing {
    pub(super) fn read(map: &mut Map<'_>, known_groups: &Groups) -> Routing {
        let rotation = [
            ("random", KeyRotation::Random),
            ("round_robin", KeyRotation::RoundRobin),
        ];
        let models = map.take("models");
        let model_map = map.take("model_map");
        let routing = Routing {
            models: patterns(&models),
            model_map: names(&model_map),
            groups: groups(&map.take("groups"), known_groups),
            priority: map.take("priority").integer(PRIORITY).unwrap_or(0),
            weight: map.take("weight").integer(WEIGHT).unwrap_or(1),
            enabled: map.take("enabled").boolean().unwrap_or(true),
            key_rotation: map
                .take("key_rotation")
                .one_of(&rotation)
                .unwrap_or(KeyRotation::Random),
        };
        let says_nothing = models.is_absent() || (models.is_list() && models.list().is_empty());
        if says_nothing && model_map.is_absent() {
            models.error("no model", "list the names clients may ask for, or [\"*\"]");
        }
        routing
    }
}

/// Names or wildcards.
pub(super) fn patterns(field: &Field<'_>) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for item in field.list() {
        let Some(name) = item.clone().required("write a name").word("model name") else {
            continue;
        };
        if patterns.iter().any(|known| known.as_str() == name) {
            item.warn(
                format!("{} is listed twice", item.shown()),
                "keep one of them",
            );
            continue;
        }
        patterns.push(Pattern::new(name));
    }
    patterns
}

fn names(field: &Field<'_>) -> BTreeMap<String, Arc<str>> {
    let mut map = BTreeMap::new();
    for (asked, upstream) in field.entries() {
        if asked.trim().is_empty() || asked.contains('*') {
            upstream.error("not one model's name", "map each name by itself, without *");
        }
        let Some(name) = upstream
            .clone()
            .required("write the upstream's name")
            .word("model name")
        else {
            continue;
        };
        if name.contains('*') {
            upstream.error(
                "a wildcard as the upstream's name",
                "write the name to send",
            );
        }
        map.insert(asked.trim().to_string(), name.into());
    }
    map
}

fn groups(field: &Field<'_>, known: &Groups) -> Vec<Arc<str>> {
    if field.is_absent() {
        return vec![DEFAULT.into()];
    }
    let items = field.list();
    if field.is_list() && items.is_empty() {
        field.error(
            "no group",
            "leave the key out for [default], or use enabled: false",
        );
    }
    let words = items.iter().filter_map(|item| {
        let name = item.word("group name")?;
        known.known(item, name).then(|| Arc::from(name))
    });
    words.collect()
}
