//! The gateway's program once more: Cargo builds a package's binaries for that package's own
//! tests only, and with the features those tests are built with.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate::cli::main()
}
