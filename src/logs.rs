//! Where `tracing` events go: standard error, as text or JSON lines.

mod access;
mod gather;

use std::sync::LazyLock;

use config::snapshot::Log;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, format};

use self::access::Access;
use self::gather::Gather;

/// Quiet by default: Pingora reports every retry and every broken connection itself, and the
/// access line says the same with more reason.
const QUIET: &str = "pingora_core=warn,pingora_core::connectors=off,pingora_proxy=error,\
    pingora_load_balancing=warn,refinery_core=warn";

static LINES: LazyLock<Gather> = LazyLock::new(Gather::default);

/// Starts logging as configured. Later calls change nothing.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(format!("{},{}", log.level, QUIET))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(&*LINES);
    // A second start (a test that starts two gateways) keeps the first.
    let started = if log.json {
        let others = format().json().flatten_event(true);
        lines
            .fmt_fields(JsonFields::new())
            .event_format(Access::json(others))
            .try_init()
    } else {
        let others = format().with_ansi(false);
        lines
            .with_ansi(false)
            .event_format(Access::text(others))
            .try_init()
    };
    if started.is_ok() {
        LINES.start();
    }
}

/// Writes what is still gathered: the process is about to end.
pub(crate) fn flush() {
    LINES.flush();
}
