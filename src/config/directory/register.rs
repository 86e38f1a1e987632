//! What has been read of users and keys so far, and the directory that is kept of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Caller, Directory, Former};
use crate::compile::{self, DEFAULT};
use crate::place;
use crate::problem::Problem;
use crate::rows::{KeyRow, Read as Row, UserRow};
use crate::snapshot::{ROOT, Token, User};

/// Users and keys by name and id. What changes costs as much as there are changed keys, and keys of
/// changed users. A key is read when it is new or changed, and again only when the group of its user
/// changes.
#[derive(Default)]
pub(crate) struct Register {
    users: HashMap<String, KnownUser>,
    keys: HashMap<Arc<str>, KnownKey>,
    /// The ids of each user's keys; some come before their user does.
    keys_of: HashMap<String, BTreeSet<Arc<str>>>,
    directory: Directory,
    /// Of each row that cannot be used, by what it is and its name.
    problems: BTreeMap<(&'static str, Arc<str>), Vec<Problem>>,
}

struct KnownUser {
    revision: u64,
    /// `None`: deleted, or wrong. The name stays taken either way.
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
    /// Takes up rows. What is known at the same or a later revision stays. Rows that cannot be read give
    /// no rights, and take those away that they gave before.
    pub(crate) fn learn(&mut self, users: Vec<Row<UserRow>>, keys: Vec<Row<KeyRow>>) {
        let mut touched = HashSet::new();
        for row in users {
            self.learn_user(row, &mut touched);
        }
        for row in keys {
            self.learn_key(row, &mut touched);
        }
        for id in touched {
            self.place(&id);
        }
    }

    /// The keys that can be used.
    pub(crate) fn directory(&self) -> Directory {
        self.directory.clone()
    }

    /// What is wrong with each row that cannot be used.
    pub(crate) fn problems(&self) -> impl ExactSizeIterator<Item = &Vec<Problem>> {
        self.problems.values()
    }

    fn learn_user(&mut self, row: Row<UserRow>, touched: &mut HashSet<Arc<str>>) {
        let (name, revision) = match &row {
            Ok(row) => (row.name.clone(), row.revision),
            Err(row) => (row.name.clone(), row.revision),
        };
        let known = self.users.get(&name);
        if known.is_some_and(|known| known.revision >= revision) {
            return;
        }
        let user = match row {
            Ok(row) if row.deleted_at.is_some() => Ok(None),
            Ok(row) => {
                let user = compile::user(&row);
                user.map(|user| Some(Arc::new(user)))
                    .map_err(|problems| within(USERS, &name, problems))
            }
            Err(row) => Err(vec![row.problem()]),
        };
        let user = self.noted(USERS, &name, user).flatten();
        touched.extend(self.keys_of.get(&name).into_iter().flatten().cloned());
        self.users.insert(name, KnownUser { revision, user });
    }

    fn learn_key(&mut self, row: Row<KeyRow>, touched: &mut HashSet<Arc<str>>) {
        let (id, revision): (Arc<str>, _) = match &row {
            Ok(row) => (row.id.as_str().into(), row.revision),
            Err(row) => (row.name.as_str().into(), row.revision),
        };
        let known = self.keys.get(&id);
        if known.is_some_and(|known| known.row.revision >= revision) {
            return;
        }
        self.forget(&id);
        match row {
            Ok(row) if row.deleted_at.is_some() => {}
            Ok(row) => {
                let keys = self.keys_of.entry(row.user.clone()).or_default();
                keys.insert(Arc::clone(&id));
                self.keys
                    .insert(Arc::clone(&id), KnownKey { row, read: None });
                touched.insert(id);
            }
            Err(row) => self.note(KEYS, &row.name, vec![row.problem()]),
        }
    }

    /// From here on the key is nobody's.
    fn forget(&mut self, id: &Arc<str>) {
        self.problems.remove(&(KEYS, Arc::clone(id)));
        let Some(key) = self.keys.remove(id) else {
            return;
        };
        self.directory.withdraw(&key.row);
        if let Some(keys) = self.keys_of.get_mut(&key.row.user) {
            keys.remove(id);
            if keys.is_empty() {
                self.keys_of.remove(&key.row.user);
            }
        }
    }

    /// Puts the key into the directory as it and its user are now, or takes it out.
    fn place(&mut self, id: &Arc<str>) {
        let Some(key) = self.keys.get_mut(id) else {
            return;
        };
        self.directory.withdraw(&key.row);
        let Some(user) = owner(&self.users, &key.row.user) else {
            return;
        };
        let group = user
            .as_ref()
            .map_or_else(|| DEFAULT.into(), |user| Arc::clone(&user.group));
        if key.read.as_ref().is_none_or(|read| read.group != group) {
            let token = compile::token(&key.row, &group)
                .map(Arc::new)
                .map_err(|problems| within(KEYS, id, problems));
            let token = self.noted(KEYS, id, token);
            if let Some(key) = self.keys.get_mut(id) {
                key.read = Some(Read { group, token });
            }
        }
        let Some(key) = self.keys.get(id) else {
            return;
        };
        if let Some(token) = key.read.as_ref().and_then(|read| read.token.clone()) {
            self.directory.place(&key.row, Caller { token, user });
        }
    }

    /// What was read, or nothing, and then it is noted why.
    fn noted<T>(
        &mut self,
        kind: &'static str,
        name: &str,
        read: Result<T, Vec<Problem>>,
    ) -> Option<T> {
        match read {
            Ok(read) => {
                self.problems.remove(&(kind, name.into()));
                Some(read)
            }
            Err(problems) => {
                self.note(kind, name, problems);
                None
            }
        }
    }

    /// Refused until it is put right; logged once, when it is read.
    fn note(&mut self, kind: &'static str, name: &str, problems: Vec<Problem>) {
        for problem in &problems {
            tracing::error!(%problem, "a row of the store is left out");
        }
        self.problems.insert((kind, name.into()), problems);
    }
}

/// What the rows are, as paths of problems begin.
const USERS: &str = "users";
const KEYS: &str = "keys";

/// Errors in the settings of a row, with where that is.
fn within(kind: &str, name: &str, problems: Vec<Problem>) -> Vec<Problem> {
    let row = place::key(kind, name);
    let errors = problems.into_iter().filter(Problem::is_error);
    let within = |problem: Problem| Problem {
        path: place::key(&row, &problem.path),
        ..problem
    };
    errors.map(within).collect()
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

impl Directory {
    /// Puts a key in, and the one that it replaced.
    fn place(&mut self, row: &KeyRow, caller: Caller) {
        if let Some(previous) = row.previous {
            let former = Former {
                caller: caller.clone(),
                until: previous.until,
            };
            self.former.insert(previous.hash, former);
        }
        self.current.insert(row.hash, caller);
    }

    /// Takes a key out, and the one that it replaced, unless they are another's by now.
    fn withdraw(&mut self, row: &KeyRow) {
        let is_its = |caller: &Caller| *caller.token.id == row.id;
        self.current.remove_if(&row.hash, is_its);
        if let Some(previous) = row.previous {
            self.former
                .remove_if(&previous.hash, |former| is_its(&former.caller));
        }
    }
}
