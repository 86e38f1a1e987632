//! The vendors' own SDKs as judges: `sdk/run.sh` against the binary these tests use.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn the_official_sdks_are_content() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/run.sh");
    let done = Command::new("bash")
        .arg(script)
        .env("TOLLGATE_BIN", e2e::process::tollgate())
        .status();
    assert!(
        done.unwrap().success(),
        "the report stands above; `bash {script}` repeats it"
    );
}
