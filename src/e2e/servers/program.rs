//! Finds and runs the programs of the servers.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first of `names` in `folders` or on the path.
///
/// # Panics
/// When there is none: a test of a server that is not there must not pass.
pub(crate) fn find(names: &[&str], folders: &[PathBuf]) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = folders.to_vec();
    places.extend(std::env::split_paths(&path));
    // Where Debian keeps servers, which is not on everybody's path.
    places.push("/usr/sbin".into());
    let found = places
        .iter()
        .flat_map(|place| names.iter().map(|name| place.join(name)))
        .find(|program| program.is_file());
    let found = found.unwrap_or_else(|| panic!("{} is missing: run `make setup`", names[0]));
    crate::text(&found).to_owned()
}

/// What it prints.
///
/// # Panics
/// When it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Whether this process may do everything, which servers refuse to run as.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Gives a folder and what is in it to another account.
pub(crate) fn give(folder: &Path, account: &str) {
    run(Command::new("chown").arg("-R").arg(account).arg(folder));
}
