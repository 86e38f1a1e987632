//! Which channels serve a model in a group: built once per configuration, looked up per request.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use llm::suffix::{self, Wish};

use crate::pattern::Pattern;
use crate::snapshot::{AUTO, Channel, Snapshot};

/// The channels of every group, by model.
#[derive(Default)]
pub struct Routes {
    groups: HashMap<Arc<str>, GroupRoutes>,
    /// The groups behind `auto`, in the order to try them.
    auto: Vec<Arc<str>>,
}

/// The channels that serve a model in one group.
pub(super) struct Pool<'a> {
    pub(super) group: &'a Arc<str>,
    pub(super) members: Cow<'a, [Member]>,
}

/// A channel that serves a model, and what it calls it.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) channel: Arc<Channel>,
    pub(super) upstream: Arc<str>,
    /// What a suffix wishes, where one was cut off the asked name.
    pub(super) wish: Option<Wish>,
}

#[derive(Default)]
struct GroupRoutes {
    /// Every name written out by some channel, wildcard channels folded in: a look-up of such a
    /// name is one hash and no allocation.
    exact: HashMap<Arc<str>, Vec<Member>>,
    /// Channels of the group, best tier first, then in the order of the configuration.
    channels: Vec<Arc<Channel>>,
    /// Each distinct wildcard with the positions in `channels` that use it, rising.
    wildcards: Vec<(Pattern, Vec<usize>)>,
}

/// A model a caller may ask for by name.
#[derive(Clone, Copy)]
pub struct Served<'a> {
    /// The name.
    pub name: &'a str,
    /// The first channel of the best tier that serves it.
    pub channel: &'a Channel,
}

impl Routes {
    /// The routes of these channels; `auto` are the groups to try behind that name. Disabled ones are kept, so that a model they alone serve is
    /// known to be down rather than unknown.
    pub fn build(channels: &[Arc<Channel>], auto: Vec<Arc<str>>) -> Routes {
        let mut members: BTreeMap<Arc<str>, Vec<Arc<Channel>>> = BTreeMap::new();
        for channel in channels {
            let groups: BTreeSet<&Arc<str>> = channel.groups.iter().collect();
            for group in groups {
                members
                    .entry(group.clone())
                    .or_default()
                    .push(channel.clone());
            }
        }
        let built = members
            .into_iter()
            .map(|(group, channels)| (group, GroupRoutes::build(channels)));
        Routes {
            groups: built.collect(),
            auto,
        }
    }

    /// The groups that a key of `group` tries, in order: itself, or those behind `auto`.
    pub fn tried<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a str> {
        let (one, several) = match group {
            AUTO => (None, &self.auto[..]),
            _ => (Some(group), &[][..]),
        };
        one.into_iter().chain(several.iter().map(|group| &**group))
    }

    /// The channels that serve `model`, by the groups that are tried; groups without such a channel
    /// are left out. A reasoning suffix of the name is understood
    /// unless the name is written out by a channel, or `is_model` knows it as a model's own.
    pub(super) fn pools<'a>(
        &'a self,
        groups: impl Iterator<Item = &'a str>,
        model: &'a str,
        is_model: impl Fn(&str) -> bool + Copy + 'a,
    ) -> impl Iterator<Item = Pool<'a>> {
        groups.filter_map(move |group| {
            let (group, routes) = self.groups.get_key_value(group)?;
            let members = routes.pool(model, is_model);
            (!members.is_empty()).then_some(Pool { group, members })
        })
    }

    /// Whether any group serves `model`.
    pub(super) fn known(&self, model: &str) -> bool {
        self.groups
            .values()
            .any(|routes| routes.serves(model, |_| true))
    }
}

/// The groups that a key of `group` tries, in order, without those that its user may not use.
pub(super) fn tried<'a>(
    snapshot: &'a Snapshot,
    user_group: Option<&'a str>,
    group: &'a str,
) -> impl Iterator<Item = &'a str> {
    let tried = snapshot.routes.tried(group);
    tried.filter(move |group| snapshot.may_use(user_group, group))
}

/// The models a caller of `group` may ask for by name, sorted; of `auto`, those of all its groups.
/// Names that only a wildcard covers cannot be listed.
pub fn served<'a>(snapshot: &'a Snapshot, group: &'a str) -> Vec<Served<'a>> {
    served_to(snapshot, None, group)
}

/// The same for a caller whose user is of `user_group`, which may not use every group.
pub fn served_to<'a>(
    snapshot: &'a Snapshot,
    user_group: Option<&'a str>,
    group: &'a str,
) -> Vec<Served<'a>> {
    let routes = &snapshot.routes;
    let in_use = |members: &'a [Member]| members.iter().find(|member| member.channel.enabled);
    let mut models: Vec<Served<'a>> = tried(snapshot, user_group, group)
        .filter_map(|group| routes.groups.get(group))
        .flat_map(|group| &group.exact)
        .filter_map(|(name, members)| {
            let channel = &in_use(members)?.channel;
            Some(Served { name, channel })
        })
        .collect();
    // Stable: of a name in several groups the channel of the first one stays.
    models.sort_by_key(|model| model.name);
    models.dedup_by_key(|model| model.name);
    models
}

/// Whether a caller of `group` may ask for `model`, by name or through a wildcard.
pub fn serves(snapshot: &Snapshot, group: &str, model: &str) -> bool {
    serves_to(snapshot, None, group, model)
}

/// The same for a caller whose user is of `user_group`.
pub fn serves_to(snapshot: &Snapshot, user_group: Option<&str>, group: &str, model: &str) -> bool {
    let routes = &snapshot.routes;
    let mut groups =
        tried(snapshot, user_group, group).filter_map(|group| routes.groups.get(group));
    groups.any(|group| group.serves(model, |channel| channel.enabled))
}

impl GroupRoutes {
    fn build(mut channels: Vec<Arc<Channel>>) -> GroupRoutes {
        channels.sort_by_key(|channel| (Reverse(channel.priority), channel.index));

        let mut by_name: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let mut by_wildcard: BTreeMap<&str, (&Pattern, BTreeSet<usize>)> = BTreeMap::new();
        for (position, channel) in channels.iter().enumerate() {
            let (exact, wild): (Vec<_>, Vec<_>) = channel
                .models
                .iter()
                .partition(|pattern| pattern.is_exact());
            let written = exact.into_iter().map(Pattern::as_str);
            let mapped = channel.model_map.keys().map(String::as_str);
            for name in written.chain(mapped) {
                by_name.entry(name).or_default().insert(position);
            }
            for pattern in wild {
                let users = by_wildcard.entry(pattern.as_str());
                users
                    .or_insert((pattern, BTreeSet::new()))
                    .1
                    .insert(position);
            }
        }
        for (name, positions) in &mut by_name {
            for (pattern, users) in by_wildcard.values() {
                if pattern.matches(name) {
                    positions.extend(users);
                }
            }
        }

        let exact = by_name.into_iter().map(|(name, positions)| {
            let name: Arc<str> = name.into();
            let members = positions
                .into_iter()
                .map(|at| Member::new(&channels[at], &name));
            (name.clone(), members.collect())
        });
        let exact = exact.collect();
        let wildcards = by_wildcard
            .into_values()
            .map(|(pattern, users)| (pattern.clone(), users.into_iter().collect()));
        let wildcards = wildcards.collect();
        GroupRoutes {
            exact,
            wildcards,
            channels,
        }
    }

    fn pool(&self, model: &str, is_model: impl Fn(&str) -> bool) -> Cow<'_, [Member]> {
        match self.exact.get(model) {
            Some(members) => Cow::Borrowed(members),
            None if is_model(model) => Cow::Owned(self.by_wildcard(model)),
            None => Cow::Owned(self.with_suffix(model)),
        }
    }

    /// The channels that serve the name without its suffix, and then those that serve it as it is.
    fn with_suffix(&self, model: &str) -> Vec<Member> {
        let as_it_is = self.by_wildcard(model);
        let Some((base, wish)) = suffix::split(model) else {
            return as_it_is;
        };
        let of_base = match self.exact.get(base) {
            Some(members) => members.clone(),
            None => self.by_wildcard(base),
        };
        let takes = |member: &Member| member.channel.suffixes && wish.reaches(&member.upstream);
        let mut members: Vec<Member> = of_base.into_iter().filter(takes).collect();
        members
            .iter_mut()
            .for_each(|member| member.wish = Some(wish));
        let others: Vec<Member> = as_it_is
            .into_iter()
            .filter(|other| {
                !members
                    .iter()
                    .any(|member| member.channel.index == other.channel.index)
            })
            .collect();
        members.extend(others);
        members
    }

    fn by_wildcard(&self, model: &str) -> Vec<Member> {
        let matching = self
            .wildcards
            .iter()
            .filter(|(pattern, _)| pattern.matches(model));
        let mut positions: Vec<usize> = matching.flat_map(|(_, users)| users).copied().collect();
        if positions.is_empty() {
            return Vec::new();
        }
        positions.sort_unstable();
        positions.dedup();
        let name: Arc<str> = model.into();
        positions
            .into_iter()
            .map(|at| Member::new(&self.channels[at], &name))
            .collect()
    }

    fn serves(&self, model: &str, counts: impl Fn(&Channel) -> bool) -> bool {
        if let Some(members) = self.exact.get(model) {
            return members.iter().any(|member| counts(&member.channel));
        }
        let mut matching = self
            .wildcards
            .iter()
            .filter(|(pattern, _)| pattern.matches(model));
        matching.any(|(_, users)| users.iter().any(|at| counts(&self.channels[*at])))
    }
}

impl Member {
    fn new(channel: &Arc<Channel>, asked: &Arc<str>) -> Member {
        let upstream = channel.model_map.get(&**asked).unwrap_or(asked);
        Member {
            channel: channel.clone(),
            upstream: upstream.clone(),
            wish: None,
        }
    }
}
