//! `user:password@tcp(host:port)/database?options`: what the Go driver of MySQL reads.
//!
//! Nothing in it is encoded, so it is cut at the last `/` and the last `@`.
//! <https://github.com/go-sql-driver/mysql#dsn-data-source-name>

use super::{BadAddress, Draft, Kind, Server, options, url};

const HINT: &str = "write user:password@tcp(host:3306)/database, or \
                    user:password@unix(/path/to/mysqld.sock)/database";

/// Whether this is such a text.
pub(super) fn is_dsn(text: &str) -> bool {
    text.contains("@tcp(") || text.contains("@unix(")
}

/// Reads the whole text.
pub(super) fn server(text: &str) -> Result<Server, BadAddress> {
    let mut draft = Draft::new(Kind::MySql);
    let bad = || BadAddress::new("a store in the form of Go that is broken", HINT);
    let (front, back) = text.rsplit_once(")/").ok_or_else(bad)?;
    let (account, place) = front.rsplit_once('@').ok_or_else(bad)?;
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    draft.user = user.to_owned();
    draft.set_password(password.to_owned());
    match place.split_once('(').ok_or_else(bad)? {
        ("tcp", place) => url::host(place, &mut draft)?,
        ("unix", path) => draft.socket = Some(path.into()),
        _ => return Err(bad()),
    }
    let (database, query) = back.split_once('?').unwrap_or((back, ""));
    draft.database = database.to_owned();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        options::set(name, value, &mut draft)?;
    }
    draft.finish()
}
