//! How a connection to MySQL is made, and what its errors mean.

use std::io::ErrorKind;
use std::time::Duration;

use config::database::{Host, Server, Tls};
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, PoolError, RecycleError, RecycleResult};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};
use secrecy::ExposeSecret;

use super::NAME;
use crate::error::StoreError;
use crate::server::{CONNECT, KEEPALIVE, POOL_WAIT, SERVER_ANSWER, client_config};

/// Prepared statements kept on each connection: each combination of filters is one.
const STATEMENTS: usize = 128;

/// Two transactions wait for each other, and this one was undone.
const DEADLOCK: u16 = 1213;

/// Everything that a connection needs.
#[derive(Clone, Debug)]
pub(super) struct Connect {
    opts: Opts,
    /// Without encryption, when the server has none and none is asked for.
    plain: Option<Opts>,
}

impl Connect {
    pub(super) fn new(server: &Server) -> Result<Connect, StoreError> {
        // Seen now and not when the server is there: whether the certificates can be read.
        client_config(server)?;
        let plain = Opts::from(options(server));
        let encrypted = options(server).ssl_opts(encryption(server)).into();
        Ok(match server.tls {
            Tls::Disable => Connect {
                opts: plain,
                plain: None,
            },
            Tls::Prefer => Connect {
                opts: encrypted,
                plain: Some(plain),
            },
            Tls::Require | Tls::VerifyCa | Tls::VerifyFull => Connect {
                opts: encrypted,
                plain: None,
            },
        })
    }

    /// A connection of its own, open until it is dropped.
    pub(super) async fn once(&self) -> Result<Conn, Error> {
        let connected = Conn::new(self.opts.clone()).await;
        match (connected, &self.plain) {
            (Err(Error::Driver(DriverError::NoClientSslFlagFromServer)), Some(plain)) => {
                Conn::new(plain.clone()).await
            }
            (connected, _) => connected,
        }
    }
}

fn options(server: &Server) -> OptsBuilder {
    let password = server.password.as_ref();
    let builder = OptsBuilder::default()
        .user(Some(&server.user))
        .pass(password.map(ExposeSecret::expose_secret))
        .db_name(Some(&server.database))
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEPALIVE))
        .stmt_cache_size(STATEMENTS)
        .setup(session());
    match &server.host {
        Host::Tcp(name, port) => builder.ip_or_hostname(name).tcp_port(*port),
        Host::Socket(path, _) => builder.socket(Some(path.to_string_lossy())),
    }
}

/// What each connection is told first.
fn session() -> Vec<String> {
    let seconds = SERVER_ANSWER.as_secs();
    vec![
        // A value that does not fit is an error, whatever the server's own default.
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'".into(),
        // The others' way too; without it two inserting nodes lock gaps and each other.
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".into(),
        format!("SET SESSION innodb_lock_wait_timeout = {seconds}"),
    ]
}

/// How servers bound the silence of a connection, the first that one knows: a node that is cut off in the
/// middle of a transaction must not keep the rows that it has locked, for they are everybody's. MariaDB looks
/// at transactions; MySQL can only end every connection that says nothing. One that it ended in the pool is
/// made anew when it is needed.
pub(super) const SILENCE: [(&str, Duration); 2] = [
    ("idle_transaction_timeout", SERVER_ANSWER),
    ("wait_timeout", KEEPALIVE),
];

/// Has the server bound the silence of a connection, as far as it can.
pub(super) async fn bound_silence(
    connection: &mut Conn,
    bounds: &[(&str, Duration)],
) -> Result<(), Error> {
    for (variable, bound) in bounds {
        let set = format!("SET SESSION {variable} = {}", bound.as_secs());
        match connection.query_drop(set).await {
            Err(Error::Server(said)) => {
                tracing::debug!(variable, error = %said.message, "not bounded by it")
            }
            done => return done,
        }
    }
    Ok(())
}

fn encryption(server: &Server) -> SslOpts {
    let roots = server.ca.iter().map(|path| path.clone().into()).collect();
    // As with PostgreSQL: who names the authority wants it checked.
    let unchecked = match server.tls {
        Tls::Disable | Tls::Prefer => true,
        Tls::Require => server.ca.is_none(),
        Tls::VerifyCa | Tls::VerifyFull => false,
    };
    SslOpts::default()
        .with_disable_built_in_roots(server.ca.is_some())
        .with_root_certs(roots)
        .with_danger_accept_invalid_certs(unchecked)
        .with_danger_skip_domain_validation(server.tls != Tls::VerifyFull)
}

impl Manager for Connect {
    type Type = Conn;
    type Error = Error;

    async fn create(&self) -> Result<Conn, Error> {
        let mut connection = self.once().await?;
        bound_silence(&mut connection, &SILENCE).await?;
        Ok(connection)
    }

    /// Nothing watches an idle connection: whether it still stands is seen by asking.
    async fn recycle(&self, connection: &mut Conn, _: &Metrics) -> RecycleResult<Error> {
        connection.ping().await.map_err(RecycleError::Backend)
    }
}

/// A pool that has no connection yet, and will have so many at most.
pub(super) fn pool(connect: Connect, connections: usize) -> Result<Pool<Connect>, StoreError> {
    Pool::builder(connect)
        .max_size(connections)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(CONNECT))
        .recycle_timeout(Some(CONNECT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| server_error(error.to_string()))
}

/// What the error of a statement or a connection means.
pub(super) fn fail(error: Error) -> StoreError {
    match &error {
        error if is_away(error) => unreachable(error.to_string()),
        Error::Server(said) if said.code == DEADLOCK => StoreError::Undone {
            database: NAME,
            words: error.to_string(),
        },
        error => server_error(error.to_string()),
    }
}

/// What it means that the pool gave no connection.
pub(super) fn unpooled(error: PoolError<Error>) -> StoreError {
    match error {
        PoolError::Backend(error) => fail(error),
        PoolError::Timeout(_) => unreachable("no connection within the time".into()),
        other => server_error(other.to_string()),
    }
}

/// Whether it may answer when it is asked again later.
fn is_away(error: &Error) -> bool {
    /// Too many connections; the server is going down; it killed the connection.
    const AWAY: [u16; 4] = [1040, 1053, 1152, 1927];
    match error {
        // The kind of a TLS handshake that failed: trying again changes nothing.
        Error::Io(IoError::Io(cause)) => cause.kind() != ErrorKind::InvalidData,
        Error::Driver(DriverError::ConnectionClosed) => true,
        Error::Server(said) => AWAY.contains(&said.code),
        _ => false,
    }
}

fn unreachable(why: String) -> StoreError {
    StoreError::Unreachable {
        database: NAME,
        why,
    }
}

fn server_error(words: String) -> StoreError {
    StoreError::Server {
        database: NAME,
        words,
    }
}
