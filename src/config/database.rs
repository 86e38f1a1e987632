//! Where the store is, out of the forms in which deployments write it: URLs, the words of libpq,
//! and what the Go driver of MySQL reads.

mod go;
mod options;
mod url;
mod words;

use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;

/// What `store` says. Parsing it connects to nothing.
#[derive(Clone, Debug)]
pub enum Address {
    /// What follows `sqlite:`: `//path` or `:memory:`.
    Sqlite(String),
    /// `postgres://`, `postgresql://` or `host=… dbname=…`.
    Postgres(Server),
    /// `mysql://`, `mariadb://` or `user:password@tcp(host:port)/db`.
    MySql(Server),
}

/// A database of a server, and who asks for it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub host: Host,
    /// Who asks.
    pub user: String,
    /// Its password; a server may want none.
    pub password: Option<SecretString>,
    /// The database's name.
    pub database: String,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// Certificates to trust in place of the public ones, a PEM file.
    pub ca: Option<PathBuf>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name or an IP address, and a port.
    Tcp(String, u16),
    /// PostgreSQL: the folder of the socket, and the port in the socket's name. MySQL: the socket.
    Socket(PathBuf, u16),
}

/// How a connection is encrypted, in the words of PostgreSQL's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Disable,
    /// When the server can; whoever the server is.
    Prefer,
    /// Always; whoever the server is.
    Require,
    /// Always, with a certificate that is trusted, whatever name is on it.
    VerifyCa,
    /// Always, with a trusted certificate of the host's name.
    VerifyFull,
}

/// Why a text is no address. Never repeats it: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadAddress {
    /// What is wrong.
    pub what: String,
    /// What to write.
    pub hint: &'static str,
}

/// The forms of an address, for those who wrote none of them.
const FORMS: &str = "write sqlite://data/tollgate.db, postgres://user:password@host/database, \
                     mysql://user:password@host/database or user:password@tcp(host:3306)/database";

impl BadAddress {
    fn new(what: impl Into<String>, hint: &'static str) -> BadAddress {
        BadAddress {
            what: what.into(),
            hint,
        }
    }
}

/// Which server is spoken to, where the spellings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Postgres,
    MySql,
}

impl Kind {
    const fn port(self) -> u16 {
        match self {
            Kind::Postgres => 5432,
            Kind::MySql => 3306,
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Address, BadAddress> {
        let text = text.trim();
        if let Some((scheme, rest)) = text.split_once("://") {
            match scheme.to_ascii_lowercase().as_str() {
                "postgres" | "postgresql" => {
                    return url::server(rest, Kind::Postgres).map(Address::Postgres);
                }
                "mysql" | "mariadb" => return url::server(rest, Kind::MySql).map(Address::MySql),
                _ => {}
            }
        }
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return sqlite(rest);
        }
        if go::is_dsn(text) {
            return go::server(text).map(Address::MySql);
        }
        if words::are_words(text) {
            return words::server(text).map(Address::Postgres);
        }
        Err(BadAddress::new("not a store", FORMS))
    }
}

fn sqlite(rest: &str) -> Result<Address, BadAddress> {
    let hint = "write sqlite://data/tollgate.db or sqlite::memory:";
    let path = rest.strip_prefix("//").unwrap_or_default();
    if rest != ":memory:" && path.is_empty() {
        return Err(BadAddress::new("not a store", hint));
    }
    if path.contains('?') {
        return Err(BadAddress::new(
            "options after `?` in a SQLite address",
            hint,
        ));
    }
    Ok(Address::Sqlite(rest.to_owned()))
}

/// What has been read of a server; `finish` says what is missing.
struct Draft {
    kind: Kind,
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    user: String,
    password: Option<SecretString>,
    database: String,
    tls: Tls,
    ca: Option<PathBuf>,
}

impl Draft {
    fn new(kind: Kind) -> Draft {
        Draft {
            kind,
            host: None,
            port: None,
            socket: None,
            user: String::new(),
            password: None,
            database: String::new(),
            // What the drivers of both servers do when nobody says.
            tls: match kind {
                Kind::Postgres => Tls::Prefer,
                Kind::MySql => Tls::Disable,
            },
            ca: None,
        }
    }

    /// A host, or a folder that holds a socket.
    fn set_host(&mut self, text: &str) {
        if text.starts_with('/') {
            self.socket = Some(text.into());
        } else if !text.is_empty() {
            self.host = Some(text.to_owned());
        }
    }

    fn set_port(&mut self, text: &str) -> Result<(), BadAddress> {
        let port = text.parse().ok().filter(|port| *port > 0);
        let hint = "a port is a number from 1 to 65535; in a password write / as %2F, ? as %3F, \
                    # as %23 and @ as %40";
        self.port = Some(port.ok_or_else(|| BadAddress::new("a store with a bad port", hint))?);
        Ok(())
    }

    fn set_password(&mut self, text: String) {
        self.password = Some(text).filter(|text| !text.is_empty()).map(Into::into);
    }

    fn finish(self) -> Result<Server, BadAddress> {
        let missing = |what: &str| BadAddress::new(format!("a store without a {what}"), FORMS);
        if self.user.is_empty() {
            return Err(missing("user"));
        }
        if self.database.is_empty() {
            return Err(missing("database"));
        }
        let texts = [&self.user, &self.database];
        if texts.iter().any(|text| text.contains('\0')) {
            return Err(BadAddress::new("a store with a NUL in a name", FORMS));
        }
        let port = self.port.unwrap_or(self.kind.port());
        let host = match (self.socket, self.host) {
            (Some(path), _) => Host::Socket(path, port),
            (None, Some(host)) => Host::Tcp(host, port),
            (None, None) => return Err(missing("host")),
        };
        Ok(Server {
            host,
            user: self.user,
            password: self.password,
            database: self.database,
            tls: self.tls,
            ca: self.ca,
        })
    }
}

#[cfg(test)]
mod tests;
