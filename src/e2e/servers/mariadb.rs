//! MariaDB, or a MySQL that has kept its names.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::keeper::{CERTIFICATE, KEY};
use crate::program::{find, is_root, run};
use crate::{PASSWORD, USER, text};

pub(crate) fn create(folder: &Path) {
    let installer = find(&["mariadb-install-db", "mysql_install_db"], &[]);
    let mut install = Command::new(installer);
    install.args([
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]);
    install
        .args(account())
        // Two at a time would meet in the one of the system.
        .env("TMPDIR", folder)
        .arg(format!("--datadir={}", text(&files(folder))));
    run(&mut install);
}

pub(crate) fn command(folder: &Path, port: u16) -> Vec<String> {
    let mut words = vec![find(&["mariadbd", "mysqld"], &[]), "--no-defaults".into()];
    words.extend(account());
    words.extend([
        format!("--datadir={}", text(&files(folder))),
        format!("--tmpdir={}", text(folder)),
        format!("--socket={}", text(&socket(folder))),
        format!("--pid-file={}", text(&folder.join("pid"))),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".into(),
        "--skip-name-resolve".into(),
        // What a crash of the machine would take, tests can spare.
        "--innodb-flush-log-at-trx-commit=2".into(),
        "--innodb-buffer-pool-size=64M".into(),
        format!("--ssl-cert={}", text(&folder.join(CERTIFICATE))),
        format!("--ssl-key={}", text(&folder.join(KEY))),
    ]);
    words
}

pub(crate) fn create_user(folder: &Path) {
    sql(
        folder,
        "",
        &format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; \
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION"
        ),
    );
}

pub(crate) fn answers(folder: &Path) -> bool {
    let mut asked = client(folder);
    asked.args(["-e", "SELECT 1"]);
    asked.output().is_ok_and(|output| output.status.success())
}

pub(crate) fn sql(folder: &Path, database: &str, statement: &str) -> String {
    let mut client = client(folder);
    client.args(["-N", "-B", "-D", database, "-e", statement]);
    run(&mut client)
}

pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

fn client(folder: &Path) -> Command {
    let mut client = Command::new(find(&["mariadb", "mysql"], &[]));
    client.args([
        "--no-defaults",
        "--default-character-set=utf8mb4",
        "--user=root",
    ]);
    client.arg(format!("--socket={}", text(&socket(folder))));
    client
}

fn files(folder: &Path) -> PathBuf {
    folder.join("files")
}

/// It runs as root only when it is told to.
fn account() -> Option<String> {
    is_root().then(|| "--user=root".into())
}
