//! Ends a server with the process that started it, even one that is killed: a shell waits for the
//! end of a pipe whose other end only that process holds.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::text;

pub(crate) const CERTIFICATE: &str = "certificate.pem";
pub(crate) const KEY: &str = "key.pem";

/// How long a server may take to answer: a busy machine may start many at once.
const START: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// $1: folder, $2: signal, then the server's command. The word `keep` spares the folder.
const SCRIPT: &str = r#"
folder=$1; signal=$2; shift 2
"$@" </dev/null >>"$folder/log" 2>&1 &
server=$!
read -r word
kill -"$signal" "$server" 2>/dev/null
wait "$server"
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// A shell that watches over a server.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Child,
}

impl Keeper {
    pub(crate) fn start(folder: &Path, command: &[String], signal: &str) -> Keeper {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper", text(folder), signal])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts the tests must not interrupt the one who cleans up.
            .process_group(0)
            .spawn()
            .expect("sh");
        Keeper { shell }
    }

    /// Waits until the server answers.
    pub(crate) fn wait_until(&self, folder: &Path, answers: impl Fn() -> bool) {
        let begun = Instant::now();
        while !answers() {
            let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                begun.elapsed() < START,
                "the server does not answer:\n{}",
                log()
            );
            thread::sleep(POLL);
        }
    }

    /// Stops the server and keeps its folder.
    pub(crate) fn stop(mut self) {
        if let Some(mut word) = self.shell.stdin.take() {
            let _ = word.write_all(b"keep\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A folder that any account may look into, with a certificate. Its keeper removes it.
pub(crate) fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("tollgate-test-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary folder")
        .keep();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    fs::write(folder.join(CERTIFICATE), made.cert.pem()).expect("the certificate is written");
    let key = folder.join(KEY);
    fs::write(&key, made.signing_key.serialize_pem()).expect("the key is written");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&key, private).expect("the key is made private");
    folder
}
