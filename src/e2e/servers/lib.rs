//! Private PostgreSQL, MariaDB and Redis servers for tests, in folders of their own and on free
//! ports. They end with the test that started them, however it ends.
//!
//! Each database of a server is empty and belongs to one test, so that one server may serve all
//! tests of a binary.

#![allow(clippy::expect_used)]

mod keeper;
mod mariadb;
mod postgres;
mod program;
mod redis;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use keeper::Keeper;

pub use redis::Redis;

/// The account that owns every database; what its password has in it must be encoded in a URL.
pub const USER: &str = "tollgate";
/// Its password.
pub const PASSWORD: &str = "p@ss:w/rd?100%";
/// The same in a URL.
const PASSWORD_IN_URL: &str = "p%40ss%3Aw%2Frd%3F100%25";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, which speaks MySQL's protocol.
    MariaDb,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    keeper: Mutex<Option<Keeper>>,
}

/// One PostgreSQL for all tests of this process.
pub fn postgres() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::new(Kind::Postgres))
}

/// One MariaDB for all tests of this process.
pub fn mariadb() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::new(Kind::MariaDb))
}

impl Server {
    /// A server of the test's own, for tests that stop it.
    ///
    /// # Panics
    /// When the server is not installed or does not start.
    pub fn new(kind: Kind) -> Server {
        let folder = keeper::new_folder();
        match kind {
            Kind::Postgres => postgres::create(&folder),
            Kind::MariaDb => mariadb::create(&folder),
        }
        let server = Server {
            kind,
            folder,
            port: free_port(),
            databases: AtomicU32::new(0),
            keeper: Mutex::new(None),
        };
        server.start();
        if kind == Kind::MariaDb {
            mariadb::create_user(&server.folder);
        }
        server
    }

    /// Starts it (again), on the same port, with what it kept; waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        let command = match self.kind {
            Kind::Postgres => postgres::command(&self.folder, self.port),
            Kind::MariaDb => mariadb::command(&self.folder, self.port),
        };
        let signal = match self.kind {
            // A fast shutdown: transactions under way are undone, connections are cut.
            Kind::Postgres => "INT",
            Kind::MariaDb => "TERM",
        };
        let keeper = Keeper::start(&self.folder, &command, signal);
        keeper.wait_until(&self.folder, || match self.kind {
            Kind::Postgres => postgres::answers(self.port),
            Kind::MariaDb => mariadb::answers(&self.folder),
        });
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
    }

    /// Stops it and keeps its files; connections are cut, committed transactions stay.
    pub fn stop(&self) {
        let keeper = self
            .keeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(keeper) = keeper {
            keeper.stop();
        }
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        match self.kind {
            Kind::Postgres => self.sql("postgres", &format!("CREATE DATABASE {name}")),
            Kind::MariaDb => self.sql("", &format!("CREATE DATABASE {name}")),
        };
        let scheme = match self.kind {
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mysql",
        };
        let port = self.port;
        format!("{scheme}://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{name}")
    }

    /// What the server's own client prints for a statement in the database of that name or URL.
    ///
    /// # Panics
    /// When the statement fails.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let (_, name) = database.rsplit_once('/').unwrap_or(("", database));
        match self.kind {
            Kind::Postgres => postgres::sql(self.port, name, statement),
            Kind::MariaDb => mariadb::sql(&self.folder, name, statement),
        }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its socket is, as an address wants it: PostgreSQL the folder, MySQL the file.
    pub fn socket(&self) -> PathBuf {
        match self.kind {
            Kind::Postgres => self.folder.clone(),
            Kind::MariaDb => mariadb::socket(&self.folder),
        }
    }

    /// The certificate it shows, for `localhost` and 127.0.0.1, as a PEM file to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(keeper::CERTIFICATE)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let keeper = self
            .keeper
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // A running server's keeper removes the folder.
        if keeper.take().is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A port that nothing listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder with a plain name")
}
