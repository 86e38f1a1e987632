//! A child process whose log is read line by line, and which never outlives its test.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::upstream::eventually;

type Lines = Arc<Mutex<Vec<String>>>;

/// A running program.
pub struct Process {
    child: Child,
    lines: Lines,
}

impl Process {
    /// Starts it with both outputs captured.
    pub fn start(mut command: Command) -> Process {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} starts: {error}"));
        let lines = Lines::default();
        if let Some(out) = child.stdout.take() {
            collect(out, Arc::clone(&lines));
        }
        if let Some(err) = child.stderr.take() {
            collect(err, Arc::clone(&lines));
        }
        Process { child, lines }
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        locked(&self.lines).join("\n")
    }

    /// The values of `key=` in all lines so far, in order.
    pub fn values(&self, key: &str) -> Vec<String> {
        let lines = locked(&self.lines);
        let found = lines.iter().filter_map(|line| {
            let plain = without_colours(line);
            let (_, rest) = plain.split_once(key)?;
            let end = rest.find(|c: char| c == '"' || c.is_whitespace());
            Some(rest[..end.unwrap_or(rest.len())].to_owned())
        });
        found.collect()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.child.id()))
            .status();
        assert!(sent.is_ok_and(|sent| sent.success()), "SIG{name} is sent");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it exits by itself.
    pub async fn exited(&mut self) -> ExitStatus {
        eventually("the process exits", || !self.is_running()).await;
        let status = self.child.try_wait().ok().flatten();
        status.expect("it exited")
    }

    /// Waits until a line of the log holds `text`.
    pub async fn says(&self, text: &str) {
        let what = format!("the log says {text:?}");
        eventually(&what, || self.log().contains(text)).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of the process ---\n{}\n---", self.log());
        } else if self.log().contains("panicked at") {
            // A panic of one request is caught by the proxy and would pass unseen.
            panic!("the process panicked:\n{}", self.log());
        }
    }
}

/// The gateway's binary: `TOLLGATE_BIN`, or the one built together with this test.
pub fn tollgate() -> PathBuf {
    if let Some(path) = std::env::var_os("TOLLGATE_BIN") {
        return path.into();
    }
    let this = std::env::current_exe().expect("a test knows its own path");
    // target/debug/deps/behaviour-0123 -> target/debug/tollgate-under-test
    let profile = this.parent().and_then(|deps| deps.parent());
    let binary = profile.map(|folder| folder.join("tollgate-under-test"));
    binary.expect("tests run inside a target folder")
}

fn collect(from: impl Read + Send + 'static, lines: Lines) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            locked(&lines).push(line);
        }
    });
}

fn locked(lines: &Lines) -> std::sync::MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, text)| text);
    }
    plain + rest
}

/// How often a start looks whether the process is there.
pub(crate) const LOOK: Duration = Duration::from_millis(10);
