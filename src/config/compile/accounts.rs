//! Settings of users and keys of the store: JSON in the words of the configuration.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::book::user_account;

use super::checks;
use super::groups::{DEFAULT, Names};
use super::limits;
use super::tokens::{Owner, Settings};
use crate::problem::Problem;
use crate::raw::{Node, parse_json};
use crate::reader::{Field, Map, Problems};
use crate::rows::{KeyRow, UserRow};
use crate::snapshot::{AUTO, ROOT, Snapshot, Token, User};
use crate::tidy::tidy_json;

/// Where settings as a whole stand.
const WHOLE: &str = "settings";
/// The longest note on a user, in characters.
const LONGEST_NOTE: usize = 4_096;

/// The user of a row, or what is wrong with its settings. Groups are not looked up: they come and go
/// with the configuration, and one that is not there has nothing to offer.
pub(crate) fn user(row: &UserRow) -> Result<User, Vec<Problem>> {
    let read = |map: Map<'_>| user_of(&row.name, map, None);
    reading(&row.settings, read).map(|(user, _)| user)
}

/// The key of a row, in `group` where it names none itself; or what is wrong with its settings.
pub(crate) fn token(row: &KeyRow, group: &Arc<str>) -> Result<Token, Vec<Problem>> {
    let read = |map: Map<'_>| Settings::read(map, None, Timestamp::now());
    let (settings, _) = reading(&row.settings, read)?;
    Ok(settings.into_token(Owner {
        id: row.id.as_str().into(),
        name: row.name.as_str().into(),
        user: row.user.as_str().into(),
        group: Arc::clone(group),
    }))
}

/// What is wrong with the settings of a user, or the warnings.
pub(crate) fn check_user(
    snapshot: &Snapshot,
    settings: &str,
) -> Result<Vec<Problem>, Vec<Problem>> {
    let read = |mut map: Map<'_>| {
        map.beside(&["name"]);
        user_of("", map, Some(snapshot))
    };
    reading(settings, read).map(|(_, warnings)| warnings)
}

/// What is wrong with the settings of a key of `owner`, or the warnings.
pub(crate) fn check_key(
    snapshot: &Snapshot,
    owner: &UserRow,
    settings: &str,
) -> Result<Vec<Problem>, Vec<Problem>> {
    // The operator's own keys need no user in the store.
    let owner = match owner.name == ROOT && owner.revision == 0 {
        true => None,
        false => Some(user(owner)?),
    };
    let user_group = owner.as_ref().map(|owner| &*owner.group);
    let read = |mut map: Map<'_>| {
        map.beside(&["user", "name"]);
        let group = map.peek("group");
        let settings = Settings::read(map, Some(Names::of(snapshot)), Timestamp::now());
        let name = settings.group.as_deref();
        usable(&group, name, user_group, snapshot);
        settings
    };
    let (settings, mut warnings) = reading(settings, read)?;
    let token = settings.into_token(Owner {
        id: "".into(),
        name: "".into(),
        user: "".into(),
        group: user_group.unwrap_or(DEFAULT).into(),
    });
    warnings.extend(checks::useless(&token, "", snapshot));
    Ok(warnings)
}

/// Reads JSON; warnings come with what was read.
fn reading<T>(
    settings: &str,
    read: impl FnOnce(Map<'_>) -> T,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let mut tree = parse_json(WHOLE, settings).map_err(|problem| vec![problem])?;
    let mut first = Vec::new();
    tidy_json(&mut tree, "", &mut first);
    if !matches!(tree, Node::Map(_) | Node::Null) {
        let what = format!("expected a map, found {}", tree.kind());
        return Err(vec![
            Problem::error(WHOLE, what).hint("write one JSON object"),
        ]);
    }
    let problems = Problems::new(first);
    let read = read(Field::root(&tree, &problems).map());
    let found = problems.into_vec();
    match found.iter().any(Problem::is_error) {
        true => Err(found),
        false => Ok((read, found)),
    }
}

fn user_of(name: &str, mut map: Map<'_>, snapshot: Option<&Snapshot>) -> User {
    // Who may do what over the admin API; requests do not ask for it.
    map.take("role")
        .one_of(&[("root", ()), ("admin", ()), ("user", ())]);
    let group = map.take("group");
    if let (Some(name), Some(snapshot)) = (group.peek(), snapshot) {
        known(&group, name, snapshot);
    }
    let user = User {
        name: name.into(),
        group: group.word("group name").unwrap_or(DEFAULT).into(),
        account: user_account(name).into(),
        unlimited: map.take("unlimited").boolean().unwrap_or(false),
        enabled: map.take("enabled").boolean().unwrap_or(true),
        limits: limits::read(&map.take("limits")),
    };
    let note = map.take("note");
    if note.text().unwrap_or_default().chars().count() > LONGEST_NOTE {
        note.error(
            format!("longer than {LONGEST_NOTE} characters"),
            "shorten it",
        );
    }
    map.finish();
    user
}

/// A user group is a group, or a word that `usable_by` or `group_ratios` knows.
fn known(field: &Field<'_>, name: &str, snapshot: &Snapshot) {
    let mut lists = snapshot
        .groups
        .values()
        .filter_map(|group| group.usable_by.as_ref());
    let is_word = snapshot.group_ratios.contains_key(name)
        || lists.any(|users| users.iter().any(|known| known == name));
    if name == AUTO || !(name.is_empty() || is_word) {
        Names::of(snapshot).known(field, name);
    }
}

/// Reports a group that keys of the user may not use. `name`: what the key says.
fn usable(field: &Field<'_>, name: Option<&str>, user_group: Option<&str>, snapshot: &Snapshot) {
    if name.is_some_and(|name| name != AUTO && !snapshot.groups.contains_key(name)) {
        return; // Reported already.
    }
    let group = name.or(user_group).unwrap_or(DEFAULT);
    let words = match (name, user_group) {
        _ if snapshot.may_use(user_group, group) => return,
        (Some(AUTO), _) => "tries no group that this user may use".to_string(),
        (Some(_), user_group) => {
            let theirs = user_group.unwrap_or_default();
            format!("not a group that users of {theirs:?} may use")
        }
        (None, _) => format!("missing, and keys cannot use the user's own group {group:?}"),
    };
    let names = snapshot.groups.keys().map(String::as_str);
    let usable: Vec<&str> = names
        .filter(|name| snapshot.may_use(user_group, name))
        .collect();
    field.error(words, format!("it may use: {}", usable.join(", ")));
}
