//! PostgreSQL, where Debian puts it. It does not run as root: there its own account runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::keeper::{CERTIFICATE, KEY};
use crate::program::{find, give, is_root, run};
use crate::{PASSWORD, USER, text};

const ACCOUNT: &str = "postgres";

pub(crate) fn create(folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).expect("the password is written");
    if is_root() {
        give(folder, ACCOUNT);
    }
    let mut words = as_account();
    words.extend([
        program("initdb"),
        "--no-sync".into(),
        "--auth=scram-sha-256".into(),
    ]);
    words.extend(["--encoding=UTF8".into(), "--locale=C.UTF-8".into()]);
    words.push(format!("--username={USER}"));
    words.push(format!("--pwfile={}", text(&password)));
    words.push(format!("--pgdata={}", text(&files(folder))));
    run(Command::new(&words[0]).args(&words[1..]));
}

pub(crate) fn command(folder: &Path, port: u16) -> Vec<String> {
    let mut words = as_account();
    words.extend([
        program("postgres"),
        "-D".into(),
        text(&files(folder)).into(),
    ]);
    let certificate = folder.join(CERTIFICATE);
    let key = folder.join(KEY);
    for setting in [
        "listen_addresses=127.0.0.1".into(),
        format!("port={port}"),
        format!("unix_socket_directories={}", text(folder)),
        // What a crash of the machine would take, tests can spare.
        "fsync=off".into(),
        "full_page_writes=off".into(),
        "shared_buffers=64MB".into(),
        "ssl=on".into(),
        format!("ssl_cert_file={}", text(&certificate)),
        format!("ssl_key_file={}", text(&key)),
    ] {
        words.extend(["-c".into(), setting]);
    }
    words
}

pub(crate) fn answers(port: u16) -> bool {
    let mut asked = Command::new(program("pg_isready"));
    asked.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    asked.status().is_ok_and(|status| status.success())
}

pub(crate) fn sql(port: u16, database: &str, statement: &str) -> String {
    let mut client = Command::new(program("psql"));
    client.env("PGPASSWORD", PASSWORD);
    client.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-U",
        USER,
        "-d",
        database,
    ]);
    run(client.args([
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-c",
        statement,
    ]))
}

fn files(folder: &Path) -> PathBuf {
    folder.join("files")
}

fn as_account() -> Vec<String> {
    if !is_root() {
        return Vec::new();
    }
    let words = [
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
    ];
    words.map(Into::into).to_vec()
}

fn program(name: &str) -> String {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    find(&[name], &folders)
}
