//! Processes under measurement: started on a core of their own, ended with the harness.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Error};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

const POLL: Duration = Duration::from_millis(20);
/// Lines of a child's log that explain why it did not start.
const LAST_LINES: usize = 12;

/// A started program. Dropping it ends the program.
pub(crate) struct Child {
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts `command` on `core`, its output in `log`.
    pub(crate) fn start(command: &Command, core: Option<usize>, log: &Path) -> io::Result<Child> {
        let output = File::create(log)?;
        let mut wrapped = Command::new(std::env::current_exe()?);
        wrapped.arg("become");
        if let Some(core) = core {
            wrapped.args(["--core", &core.to_string()]);
        }
        wrapped.arg("--").arg(command.get_program());
        wrapped.args(command.get_args());
        for (name, value) in command.get_envs() {
            wrapped.env(name, value.unwrap_or_default());
        }
        let process = wrapped
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Child {
            process,
            log: log.to_owned(),
        })
    }

    /// Waits until `look` finds what it looks for.
    pub(crate) fn until<T>(
        &mut self,
        limit: Duration,
        mut look: impl FnMut(&str) -> Option<T>,
    ) -> io::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(found) = look(&log) {
                return Ok(found);
            }
            if self.process.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(Error::other(format!("did not start:\n{}", tail(&log))));
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until `address` accepts connections.
    pub(crate) fn until_it_listens(
        &mut self,
        address: SocketAddr,
        limit: Duration,
    ) -> io::Result<()> {
        self.until(limit, |_| TcpStream::connect(address).ok().map(drop))
    }

    /// CPU time of all its threads, of those that ended too.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let clock = ClockId::pid_cpu_clock_id(self.pid())?;
        Ok(Duration::from(clock.now()?))
    }

    /// Bytes of memory it has in use (`VmRSS`).
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
            .map(|kib: u64| kib * 1024)
            .ok_or_else(|| Error::other("no VmRSS"))
    }

    /// Asks it to stop at once, but by its own hand, and waits for it.
    pub(crate) fn interrupt(&mut self, limit: Duration) -> io::Result<()> {
        kill(self.pid(), Signal::SIGINT)?;
        let deadline = Instant::now() + limit;
        while self.process.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err(Error::other("does not stop"));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Either may fail only because it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes the place of this process, as `become`.
#[derive(clap::Args)]
pub(crate) struct Become {
    /// The one core to run on.
    #[arg(long)]
    core: Option<usize>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

impl Become {
    pub(crate) fn run(&self) -> ExitCode {
        // Both are inherited over exec; setting them here needs no unsafe code after a fork.
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        if let Some(core) = self.core {
            let _ = run_on(&[core]);
        }
        let error = Command::new(&self.program[0])
            .args(&self.program[1..])
            .exec();
        eprintln!("{}: {error}", self.program[0].display());
        ExitCode::from(127)
    }
}

/// Gives one core to what is measured and the others to this process and what it starts;
/// `None` on a machine with one core.
pub(crate) fn split_cores() -> io::Result<Option<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut cores: Vec<usize> = (0..CpuSet::count())
        .filter(|core| allowed.is_set(*core).unwrap_or(false))
        .collect();
    if cores.len() < 2 {
        return Ok(None);
    }
    let measured = cores.remove(0);
    run_on(&cores)?;
    Ok(Some(measured))
}

fn run_on(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// A thousand open streams are two thousand sockets of a proxy.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// A binary in the folder of this one.
pub(crate) fn beside_me(name: &str) -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
