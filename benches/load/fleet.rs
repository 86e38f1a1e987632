//! The processes of a run: one mock upstream, one pass-through, and the gateway in its two modes.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::{Child, beside_me};

/// The gateway key of `tollgate.yaml`.
pub(crate) const KEY: &str = "sk-bench-0123456789abcdef0123456789abcdef";

const CONFIG: &str = include_str!("tollgate.yaml");
const START_LIMIT: Duration = Duration::from_secs(20);
/// A program under valgrind starts some fifty times slower.
const SLOW_START_LIMIT: Duration = Duration::from_secs(120);

/// Whether the gateway holds streamed answers until their first content (`resilient_streams`).
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Streams are conducted.
    Resilient,
    /// Everything is direct.
    Direct,
}

/// A proxy and where it listens.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

/// Starts proxies; the folder with their files goes when it is dropped.
pub(crate) struct Yard {
    folder: PathBuf,
    core: Option<usize>,
    mock: SocketAddr,
    _mock: Child,
}

/// Everything that the timed measurements drive.
pub(crate) struct Fleet {
    pub(crate) bare: Server,
    resilient: Server,
    direct: Server,
    _yard: Yard,
}

impl Fleet {
    pub(crate) fn start(gateway: &Path, core: Option<usize>) -> io::Result<Fleet> {
        let yard = Yard::open(core)?;
        Ok(Fleet {
            bare: yard.bare("bare", &[])?,
            resilient: yard.gateway(gateway, Mode::Resilient, &[])?,
            direct: yard.gateway(gateway, Mode::Direct, &[])?,
            _yard: yard,
        })
    }

    /// The gateway that runs in `mode`.
    pub(crate) fn gateway(&self, mode: Mode) -> &Server {
        match mode {
            Mode::Resilient => &self.resilient,
            Mode::Direct => &self.direct,
        }
    }
}

impl Yard {
    /// Starts the mock upstream; proxies will run on `core`.
    pub(crate) fn open(core: Option<usize>) -> io::Result<Yard> {
        let folder = std::env::temp_dir().join(format!("tollgate-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let command = Command::new(beside_me("bench-mock")?);
        // Not on the measured core: it stays where the harness is.
        let mut child = Child::start(&command, None, &folder.join("mock.log"))?;
        let mock = child.until(START_LIMIT, |log| {
            log.lines()
                .find_map(|line| line.strip_prefix("listening ")?.parse().ok())
        })?;
        Ok(Yard {
            folder,
            core,
            mock,
            _mock: child,
        })
    }

    /// Starts a pass-through; `wrapper` is a program to run it under.
    pub(crate) fn bare(&self, name: &str, wrapper: &[&str]) -> io::Result<Server> {
        let address = free_address()?;
        let mut command = wrapped(&beside_me("bench-bare")?, wrapper);
        command
            .args(["--listen", &address.to_string()])
            .args(["--upstream", &self.mock.to_string()]);
        self.server(name, &command, address, !wrapper.is_empty())
    }

    /// Starts the gateway; the path `bare` means another pass-through in its place.
    pub(crate) fn gateway(
        &self,
        binary: &Path,
        mode: Mode,
        wrapper: &[&str],
    ) -> io::Result<Server> {
        let (name, resilient) = match mode {
            Mode::Resilient => ("resilient", "true"),
            Mode::Direct => ("direct", "false"),
        };
        if binary == Path::new("bare") {
            return self.bare(name, wrapper);
        }
        let address = free_address()?;
        let home = self.folder.join(name);
        fs::create_dir_all(&home)?;
        let config = home.join("tollgate.yaml");
        fs::write(&config, CONFIG)?;
        let mut command = wrapped(binary, wrapper);
        command
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .env("TOLLGATE_THREADS", "1")
            .env("BENCH_LISTEN", address.to_string())
            .env("BENCH_HOME", &home)
            .env("BENCH_UPSTREAM", format!("http://{}", self.mock))
            .env("BENCH_RESILIENT", resilient)
            .env("BENCH_KEY", KEY);
        self.server(name, &command, address, !wrapper.is_empty())
    }

    fn server(
        &self,
        name: &str,
        command: &Command,
        address: SocketAddr,
        slow: bool,
    ) -> io::Result<Server> {
        let limit = if slow { SLOW_START_LIMIT } else { START_LIMIT };
        let log = self.folder.join(format!("{name}.log"));
        let mut child = Child::start(command, self.core, &log)?;
        child.until_it_listens(address, limit).map_err(|cause| {
            io::Error::other(format!("{}: {cause}", command.get_program().display()))
        })?;
        Ok(Server { child, address })
    }

    /// Where proxies leave what they write.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // What remains is in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn wrapped(binary: &Path, wrapper: &[&str]) -> Command {
    let Some((program, arguments)) = wrapper.split_first() else {
        return Command::new(binary);
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(binary);
    command
}

/// An address that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
