//! Instructions per request under callgrind: exact where time is too noisy to compare.
//!
//! Only user-space instructions are counted, and of a proxy those of the thread that serves. The kernel's
//! share, most of a proxy's time, is left out, so these ratios are larger than those of CPU time and have no
//! goals; they show what a change of the gateway's own code did, to the promille. Threads beside it work in
//! batches whose number depends on time, of which there is fifty times as much under callgrind.

use std::fs;
use std::io::{self, Error};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use benches::pairs::Pair;
use benches::payload::LARGE_BYTES;

use crate::Plan;
use crate::cases::{CASES, Case, cost};
use crate::child::beside_me;
use crate::drive::Closed;
use crate::fleet::{Server, Yard};
use crate::row::{Compare, Row};
use crate::shot::Shot;

/// The slope between two counts of requests: the start and the end of the program fall out.
const FEW: usize = 100;
const MANY: usize = 400;
/// A function that only serving threads come to, in both programs.
const SERVES: &str = "process_new_http";
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// The same for the pieces of text of a translated stream.
const SHORT: usize = 200;
const LONG: usize = 1_200;

/// Measures every case that is wanted.
pub(crate) fn measure(gateway: &Path, plan: &Plan, push: &mut dyn FnMut(Row)) {
    for case in CASES.iter().filter(|case| plan.wants(case.name)) {
        push(Row {
            name: format!("{}: instructions", case.name),
            unit: "thousand",
            compare: Compare::Ratio,
            goal: None,
            rounds: pair(gateway, case).map_err(|error| error.to_string()),
        });
    }
    for pair in Pair::all() {
        let name = format!("event, {} on {}: instructions", pair.to, pair.from);
        if plan.wants(&name) {
            push(Row {
                name,
                unit: "thousand",
                compare: Compare::Alone,
                goal: None,
                rounds: translation(pair).map_err(|error| error.to_string()),
            });
        }
    }
}

/// Instructions per event of a translated stream, without a gateway; beside it those of making the
/// event, which both programs do.
fn translation(pair: Pair) -> io::Result<Vec<(f64, f64)>> {
    let made = per_event(pair, &["--unread"])?;
    let all = per_event(pair, &[])?;
    Ok(vec![(made / 1e3, (all - made) / 1e3)])
}

fn per_event(pair: Pair, more: &[&str]) -> io::Result<f64> {
    let out = std::env::temp_dir().join(format!("tollgate-bench-{}.out", std::process::id()));
    let total = |chunks: usize| {
        let argument = format!("--callgrind-out-file={}", out.display());
        let run = Command::new("valgrind")
            .args(["-q", "--tool=callgrind", &argument])
            .arg(beside_me("bench-translate")?)
            .args([pair.from.as_str(), pair.to.as_str(), &chunks.to_string()])
            .args(more)
            .status()?;
        let counted = counted(&out);
        // What remains is in the system's temporary folder.
        let _ = fs::remove_file(&out);
        match run.success() {
            true => counted,
            false => Err(Error::other(run.to_string())),
        }
    };
    Ok((total(LONG)? - total(SHORT)?) / (LONG - SHORT) as f64)
}

fn pair(gateway: &Path, case: &Case) -> io::Result<Vec<(f64, f64)>> {
    let yard = Yard::open(None)?;
    let bare = slope(&yard, case, |out| {
        let server = yard.bare("bare", &callgrind(out))?;
        let shot = case.shape().to_bare(server.address);
        Ok((server, shot))
    })?;
    let gateway = slope(&yard, case, |out| {
        let server = yard.gateway(gateway, case.mode, &callgrind(out))?;
        let shot = case.shape().to_gateway(server.address);
        shot.probe()?;
        Ok((server, shot))
    })?;
    Ok(vec![(bare / 1e3, gateway / 1e3)])
}

/// Instructions per request of the serving thread between `FEW` and `MANY` requests.
fn slope(
    yard: &Yard,
    case: &Case,
    start: impl Fn(&str) -> io::Result<(Server, Shot)>,
) -> io::Result<f64> {
    let divisor = if case.bytes == LARGE_BYTES { 10 } else { 1 };
    let (few, many) = (FEW / divisor, MANY / divisor);
    let total = |requests: usize| {
        let out = yard.folder().join("callgrind.out");
        let (mut server, shot) = start(&format!("--callgrind-out-file={}", out.display()))?;
        // One connection: the same interleaving every time.
        let load = Closed {
            connections: 1,
            requests,
            warm: 0,
        };
        cost(load, &server, &shot)?;
        server.child.interrupt(STOP_LIMIT)?;
        counted_serving(yard.folder())
    };
    Ok((total(many)? - total(few)?) / (many - few) as f64)
}

fn callgrind(out: &str) -> [&str; 4] {
    [
        "valgrind",
        "--tool=callgrind",
        "--separate-threads=yes",
        out,
    ]
}

/// The total of the threads that served, of which there is one; each has a file, all of which are removed.
fn counted_serving(folder: &Path) -> io::Result<f64> {
    let mut total = 0.0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with("callgrind.out")) {
            continue;
        }
        // Others start and stop whenever they like, so their numbers do not tell them apart.
        if fs::read_to_string(&path)?.contains(SERVES) {
            total += counted(&path)?;
        }
        fs::remove_file(&path)?;
    }
    Ok(total)
}

/// The total that callgrind wrote.
fn counted(out: &Path) -> io::Result<f64> {
    let text = fs::read_to_string(out)?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .ok_or_else(|| Error::other("callgrind wrote no total"))
}
