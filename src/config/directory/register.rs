//! What has been read of users and keys so far, from which directories are made.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Caller, Directory, Entry};
use crate::compile::{self, DEFAULT};
use crate::problem::Problem;
use crate::rows::{KeyRow, UserRow};
use crate::snapshot::{ROOT, Token, User};

/// Users and keys by name and id. A key is read when it is new or changed, and again only when the
/// group of its user changes.
#[derive(Default)]
pub(crate) struct Register {
    users: HashMap<String, KnownUser>,
    keys: HashMap<String, KnownKey>,
}

struct KnownUser {
    revision: u64,
    /// `None`: deleted, or its settings are wrong. The name stays taken either way.
    user: Option<Arc<User>>,
}

struct KnownKey {
    row: KeyRow,
    read: Option<Read>,
}

/// A key that was read.
struct Read {
    /// The group of its user at that time.
    group: Arc<str>,
    /// `None`: its settings are wrong.
    token: Option<Arc<Token>>,
}

impl Register {
    /// Takes up rows. What is known at the same or a later revision stays.
    pub(crate) fn learn(&mut self, users: Vec<UserRow>, keys: Vec<KeyRow>) {
        for row in users {
            let known = self.users.get(&row.name);
            if known.is_none_or(|known| known.revision < row.revision) {
                let user = KnownUser::read(&row);
                self.users.insert(row.name, user);
            }
        }
        for row in keys {
            let known = self.keys.get(&row.id);
            if known.is_some_and(|known| known.row.revision >= row.revision) {
                continue;
            }
            match row.deleted_at {
                Some(_) => drop(self.keys.remove(&row.id)),
                None => drop(
                    self.keys
                        .insert(row.id.clone(), KnownKey { row, read: None }),
                ),
            }
        }
    }

    /// The keys that can be used.
    pub(crate) fn directory(&mut self) -> Directory {
        let mut callers = HashMap::with_capacity(self.keys.len());
        let fallback: Arc<str> = DEFAULT.into();
        for key in self.keys.values_mut() {
            let Some(user) = owner(&self.users, &key.row.user) else {
                continue;
            };
            let group = user.as_ref().map_or(&fallback, |user| &user.group);
            let Some(token) = key.token(group) else {
                continue;
            };
            let caller = Caller { token, user };
            if let Some(previous) = key.row.previous {
                // A key that is somebody's now is not somebody else's former one.
                callers.entry(previous.hash).or_insert_with(|| Entry {
                    caller: caller.clone(),
                    until: Some(previous.until),
                });
            }
            let until = None;
            callers.insert(key.row.hash, Entry { caller, until });
        }
        Directory { callers }
    }
}

/// The user whose keys work; `Some(None)` for the operator's own, who needs no row.
fn owner(users: &HashMap<String, KnownUser>, name: &str) -> Option<Option<Arc<User>>> {
    match users.get(name) {
        Some(known) => {
            let user = known.user.as_ref().filter(|user| user.enabled)?;
            Some(Some(Arc::clone(user)))
        }
        None => (name == ROOT).then_some(None),
    }
}

impl KnownUser {
    fn read(row: &UserRow) -> KnownUser {
        let user = match (row.deleted_at, compile::user(row)) {
            (Some(_), _) => None,
            (None, Ok(user)) => Some(Arc::new(user)),
            (None, Err(problems)) => {
                tell("user", &row.name, &problems);
                None
            }
        };
        KnownUser {
            revision: row.revision,
            user,
        }
    }
}

impl KnownKey {
    fn token(&mut self, group: &Arc<str>) -> Option<Arc<Token>> {
        if let Some(read) = &self.read
            && read.group == *group
        {
            return read.token.clone();
        }
        let token = match compile::token(&self.row, group) {
            Ok(token) => Some(Arc::new(token)),
            Err(problems) => {
                tell("key", &self.row.id, &problems);
                None
            }
        };
        self.read = Some(Read {
            group: Arc::clone(group),
            token: token.clone(),
        });
        token
    }
}

/// Refused until it is put right; told once, when it is read.
fn tell(kind: &str, name: &str, problems: &[Problem]) {
    for problem in problems.iter().filter(|problem| problem.is_error()) {
        tracing::error!(%problem, "the settings of a {kind} of the store are wrong, it is left out: {name}");
    }
}
