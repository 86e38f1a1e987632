//! Measures the gateway beside a bare Pingora pass-through in one run, loopback only.
//!
//! It starts the mock upstream, the pass-through and the gateway, drives them in turns, prints what
//! each cost as a ratio to bare Pingora, and ends them. `benches/README.md` tells the method.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use benches::clock;
use clap::{Parser, Subcommand};

mod cases;
mod child;
mod conn;
mod drive;
mod fleet;
mod instructions;
mod latency;
mod memory;
mod report;
mod row;
mod shot;
mod streams;

use fleet::Fleet;
use report::Report;
use row::Row;

/// The load harness.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    errand: Option<Errand>,
    /// The gateway's binary; default: `tollgate` beside this one. `bare` measures the pass-through
    /// against a second one of itself, which must give ratios of 1.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// A tenth of the requests: shows that everything runs, measures little.
    #[arg(long)]
    quick: bool,
    /// Rounds of each CPU measurement; each takes bare and gateway in turn.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Only rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Also writes the rows as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leaves the placing of processes on cores to the kernel.
    #[arg(long)]
    no_pin: bool,
    /// Counts instructions under callgrind instead of measuring time: slow, but free of noise.
    #[arg(long)]
    instructions: bool,
    /// Ends with 1 when a goal is not met.
    #[arg(long)]
    strict: bool,
    /// Ends with 3 after this many seconds, whatever is still running.
    #[arg(long, default_value_t = 900)]
    limit: u64,
}

#[derive(Subcommand)]
enum Errand {
    /// Becomes a program that ends with its parent (internal).
    #[command(hide = true)]
    Become(child::Become),
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Errand::Become(program)) = &args.errand {
        return program.run();
    }
    end_after(Duration::from_secs(args.limit));
    match run(&args) {
        Ok(report) if args.strict && !report.goals_met() => ExitCode::from(1),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> io::Result<Report> {
    child::raise_file_limit()?;
    clock::sleep_precisely();
    let plan = Plan {
        rounds: args.rounds.max(1),
        divisor: if args.quick { 10 } else { 1 },
        only: args.only.clone(),
    };
    let gateway = match &args.gateway {
        Some(path) => path.clone(),
        None => child::beside_me("tollgate")?,
    };
    let core = if args.no_pin {
        None
    } else {
        child::split_cores()?
    };

    let mut report = Report::new(&gateway, core.is_some());
    if args.instructions {
        instructions::measure(&gateway, &plan, &mut |row| show(&mut report, row));
    } else {
        let fleet = Fleet::start(&gateway, core)?;
        cases::measure(&fleet, &plan, &mut |row| show(&mut report, row));
        streams::measure(&fleet, &plan, &mut |row| show(&mut report, row));
        latency::measure(&fleet, &plan, &mut |row| show(&mut report, row));
        drop(fleet);
        memory::measure(&gateway, core, &plan, &mut |row| show(&mut report, row));
    }
    // A closed standard output is no reason to fail.
    let _ = io::stdout().write_all(report.table().as_bytes());
    if let Some(path) = &args.json {
        std::fs::write(path, report.json())?;
    }
    Ok(report)
}

/// How much is measured.
struct Plan {
    rounds: usize,
    divisor: usize,
    only: String,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// `full` of a quick or a full run, never nothing.
    fn share(&self, full: usize) -> usize {
        (full / self.divisor).max(1)
    }
}

/// Rows appear on standard error as they are measured; a run takes minutes.
fn show(report: &mut Report, row: Row) {
    eprintln!("{}", row.line());
    report.push(row);
}

/// The bound on the whole run. Children end with this process.
fn end_after(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("bench-load: out of time");
        std::process::exit(3);
    });
}
