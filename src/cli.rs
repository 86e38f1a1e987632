//! The commands: serve, demo, check, explain, ledger verify.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::health::Tick;
use config::plan::{self, Wanted};
use config::{Live, Problem};
use jiff::{SignedDuration, Timestamp};

use crate::{assembly, files, treasury};

/// Longest key read from standard input, in bytes.
const MAX_STDIN_KEY: u64 = 4096;

/// One key and one address in front of every LLM provider.
#[derive(Parser)]
#[command(name = "tollgate", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Try it without any account:
  tollgate demo

Run it:
  tollgate check --config conf/tollgate.yaml
  tollgate serve --config conf/tollgate.yaml

Signals of a running gateway: SIGHUP reloads the configuration (so does editing it), SIGTERM
drains and exits, SIGQUIT hands the listening sockets to a process started with --upgrade.";

#[derive(Subcommand)]
enum Command {
    /// Run the gateway
    Serve {
        /// A YAML file, or a folder whose *.yaml files are merged
        #[arg(long, default_value = "conf/tollgate.yaml")]
        config: PathBuf,
        /// Take the listening sockets over from a running gateway that gets SIGQUIT
        #[arg(long)]
        upgrade: bool,
    },
    /// Run a gateway with a built-in upstream: no account, no network, no configuration
    Demo,
    /// Print every problem of a configuration, or the routes it makes
    Check {
        /// A YAML file, or a folder whose *.yaml files are merged
        #[arg(long, default_value = "conf/tollgate.yaml")]
        config: PathBuf,
    },
    /// Look after what is kept of money
    Ledger {
        #[command(subcommand)]
        command: Ledger,
    },
    /// Say which channels would be tried for a request, in which order, and why others are not
    Explain {
        /// A YAML file, or a folder whose *.yaml files are merged
        #[arg(long, default_value = "conf/tollgate.yaml")]
        config: PathBuf,
        /// A gateway key, a token's name, or - to read the key from standard input
        #[arg(long)]
        token: String,
        /// The model a client would ask for
        #[arg(long)]
        model: String,
        /// The path a client would use
        #[arg(long, default_value = "/v1/chat/completions")]
        path: String,
    },
}

#[derive(Subcommand)]
enum Ledger {
    /// Recompute every sum from the records, and name those that differ
    Verify {
        /// A YAML file, or a folder whose *.yaml files are merged
        #[arg(long, default_value = "conf/tollgate.yaml")]
        config: PathBuf,
    },
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve { config, upgrade } => assembly::serve(config, upgrade),
        Command::Demo => assembly::demo(),
        Command::Check { config } => check(&config),
        Command::Ledger {
            command: Ledger::Verify { config },
        } => verify(&config),
        Command::Explain {
            config,
            token,
            model,
            path,
        } => explain(&config, &token, &model, &path),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// What ends a command with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration does not compile.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    /// Anything else, in words that say what to do.
    #[error("{0}")]
    Other(String),
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Failure {
        Failure::Problems(problems)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Other(error.to_string())
    }
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(line).collect();
    lines.join("\n")
}

fn line(problem: &Problem) -> String {
    match problem.is_error() {
        true => problem.to_string(),
        false => format!("warning: {problem}"),
    }
}

fn load(path: &Path) -> Result<Live, Failure> {
    Ok(Live::start(path.to_path_buf(), assembly::environment())?)
}

fn check(path: &Path) -> Result<(), Failure> {
    let live = load(path)?;
    let snapshot = live.full();
    let unusable = [
        files::of_listeners(&snapshot),
        files::of_channels(&snapshot),
    ]
    .concat();
    let mut out = io::stdout().lock();
    if !unusable.is_empty() {
        let warnings = snapshot.warnings.iter().cloned();
        return Err(warnings.chain(unusable).collect::<Vec<_>>().into());
    }
    for warning in &snapshot.warnings {
        writeln!(out, "{}", line(warning))?;
    }
    for group in snapshot.groups.keys() {
        let served = plan::served(&snapshot, group);
        let wild: Vec<String> = snapshot
            .channels
            .iter()
            .filter(|channel| channel.enabled && channel.groups.iter().any(|one| **one == **group))
            .flat_map(|channel| {
                let wild = channel.models.iter().filter(|pattern| !pattern.is_exact());
                wild.map(|pattern| format!("{} -> {}", pattern.as_str(), channel.name))
            })
            .collect();
        writeln!(out, "group {group}:")?;
        if served.is_empty() && wild.is_empty() {
            writeln!(out, "  no models: no enabled channel is in this group")?;
        }
        for model in served {
            writeln!(
                out,
                "  {}: {}",
                model.name,
                candidates(&snapshot, group, model.name)
            )?;
        }
        for line in wild {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out, "{}", treasury::bound(&snapshot))?;
    writeln!(
        out,
        "ok: {} channels, {} tokens",
        snapshot.channels.len(),
        snapshot.tokens.len()
    )?;
    Ok(())
}

/// Records younger than `retention.requests` are all there: older hours and days stand alone.
fn verify(path: &Path) -> Result<(), Failure> {
    let live = load(path)?;
    let snapshot = live.full();
    let store = assembly::open_store(&snapshot.store)?;
    let kept = SignedDuration::try_from(snapshot.retention.requests).unwrap_or(SignedDuration::MAX);
    let from = Timestamp::now()
        .checked_sub(kept)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .max(Timestamp::UNIX_EPOCH);
    let differences = store
        .verify(from)
        .map_err(|error| Failure::Other(format!("the sums cannot be read: {error}")))?;
    if !differences.is_empty() {
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        return Err(Failure::Other(lines.join("\n")));
    }
    writeln!(io::stdout(), "ok: every sum is what its records say")?;
    Ok(())
}

/// The channels of a model, by tier, with the formats they speak.
fn candidates(snapshot: &config::Snapshot, group: &str, model: &str) -> String {
    let mut serving: Vec<_> = snapshot
        .channels
        .iter()
        .filter(|channel| channel.enabled && channel.groups.iter().any(|one| **one == *group))
        .filter(|channel| {
            channel.model_map.contains_key(model)
                || channel.models.iter().any(|pattern| pattern.matches(model))
        })
        .collect();
    serving.sort_by_key(|channel| (std::cmp::Reverse(channel.priority), channel.index));
    let names: Vec<String> = serving
        .iter()
        .map(|channel| {
            let formats: Vec<&str> = channel.formats.iter().map(|one| one.as_str()).collect();
            let upstream = channel
                .model_map
                .get(model)
                .map_or(String::new(), |upstream| format!(" as {upstream}"));
            format!(
                "{}{upstream} [{}] priority {} weight {}",
                channel.name,
                formats.join(", "),
                channel.priority,
                channel.weight
            )
        })
        .collect();
    names.join("; ")
}

fn explain(path: &Path, token: &str, model: &str, at: &str) -> Result<(), Failure> {
    let live = load(path)?;
    let snapshot = live.full();
    let key = match token {
        "-" => {
            let mut text = String::new();
            io::stdin().take(MAX_STDIN_KEY).read_to_string(&mut text)?;
            text.trim().to_string()
        }
        given => given.to_string(),
    };
    let caller = snapshot
        .token(&key)
        .or_else(|| snapshot.token_named(&key))
        .ok_or_else(|| {
            Failure::Other(
                "no token has this key or name; `tokens` of the configuration lists them".into(),
            )
        })?;
    let Some((format, operation)) = filters::operation_of(at) else {
        return Err(Failure::Other(format!(
            "{at} is not the path of a model operation"
        )));
    };
    let mut out = io::stdout().lock();
    if !caller.enabled {
        writeln!(
            out,
            "note: the token {} is disabled: its requests get 401",
            caller.name
        )?;
    }
    if caller.expires_at.is_some_and(|at| at <= Timestamp::now()) {
        writeln!(
            out,
            "note: the token {} has expired: its requests get 401",
            caller.name
        )?;
    }
    if !caller.allows_model(model) {
        writeln!(
            out,
            "note: the token {} may not use {model}: such requests get 403",
            caller.name
        )?;
    }
    let wanted = Wanted {
        group: &caller.group,
        user_group: None,
        model,
        format,
        operation,
        thinks_with_tools: false,
    };
    let explanation = plan::explain(&snapshot, &wanted, Tick::now(), &mut rand::rng());
    writeln!(out, "{explanation}")?;
    Ok(())
}
