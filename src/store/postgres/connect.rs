//! How a connection to PostgreSQL is made, and what its errors mean.

use std::error::Error as _;
use std::io;

use config::database::{Host, Server, Tls};
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use secrecy::ExposeSecret;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::{Error, SqlState};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::NAME;
use crate::error::StoreError;
use crate::server::{CONNECT, KEEPALIVE, POOL_WAIT, SERVER_ANSWER, client_config, within};

/// Everything that a connection needs.
#[derive(Clone)]
pub(super) struct Connect {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connect {
    pub(super) fn new(server: &Server) -> Result<Connect, StoreError> {
        Ok(Connect {
            config: config(server),
            tls: MakeRustlsConnect::new(client_config(server)?),
        })
    }

    /// A connection of its own, open until it is dropped.
    pub(super) async fn once(&self) -> Result<Client, StoreError> {
        // The driver's own bound ends with the connection; the password comes after it.
        let connected = async { self.config.connect(self.tls.clone()).await.map_err(fail) };
        let (client, connection) = within(NAME, CONNECT, connected).await?;
        tokio::spawn(async move {
            // What breaks it is told to those who wait for answers.
            let _ = connection.await;
        });
        Ok(client)
    }

    /// A pool that has no connection yet, and will have so many at most.
    pub(super) fn pool(&self, connections: usize) -> Result<Pool, StoreError> {
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), settings);
        Pool::builder(manager)
            .max_size(connections)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|connection, _| {
                Box::pin(async move {
                    let bound = SERVER_ANSWER.as_millis();
                    // The rows that a transaction has locked are everybody's: a node that is cut off
                    // in the middle of one must not keep them.
                    let set = format!(
                        "SET statement_timeout = {bound}; \
                         SET idle_in_transaction_session_timeout = {bound}"
                    );
                    let set = connection.batch_execute(&set).await;
                    set.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| server_error(error.to_string()))
    }
}

fn config(server: &Server) -> Config {
    let mut config = Config::new();
    match &server.host {
        Host::Tcp(name, port) => config.host(name).port(*port),
        Host::Socket(folder, port) => config.host_path(folder).port(*port),
    };
    config
        .user(&server.user)
        .dbname(&server.database)
        .application_name("tollgate")
        .connect_timeout(CONNECT)
        .keepalives_idle(KEEPALIVE)
        .tcp_user_timeout(KEEPALIVE)
        .ssl_mode(match server.tls {
            Tls::Disable => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Require | Tls::VerifyCa | Tls::VerifyFull => SslMode::Require,
        });
    if let Some(password) = &server.password {
        config.password(password.expose_secret());
    }
    config
}

/// What the error of a statement or a connection means.
pub(super) fn fail(error: Error) -> StoreError {
    let words = words(&error);
    match error.code() {
        _ if is_away(&error) => unreachable(words),
        Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
            StoreError::Undone {
                database: NAME,
                words,
            }
        }
        _ => server_error(words),
    }
}

/// What it means that the pool gave no connection.
pub(super) fn unpooled(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            fail(error)
        }
        PoolError::Timeout(_) => unreachable("no connection within the time".into()),
        other => server_error(other.to_string()),
    }
}

/// Whether it may answer when it is asked again later.
fn is_away(error: &Error) -> bool {
    if let Some(code) = error.code() {
        return [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
        ]
        .contains(code);
    }
    let broken = |cause: &io::Error| {
        // The kind of a TLS handshake that failed: trying again changes nothing.
        cause.kind() != io::ErrorKind::InvalidData
    };
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    error.is_closed() || cause.is_some_and(broken)
}

/// The error and its cause; of an answer of the server what it says and its code.
fn words(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
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
