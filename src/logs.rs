//! Where `tracing` events go: standard error, as text or JSON lines.

use config::snapshot::Log;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Quiet by default: Pingora reports every retry and every broken connection itself, and the
/// access line says the same with more reason.
const QUIET: &str = "pingora_core=warn,pingora_core::connectors=off,pingora_proxy=error,\
    pingora_load_balancing=warn,refinery_core=warn";

/// Starts logging as configured. Later calls change nothing.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(format!("{},{}", log.level, QUIET))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (a test that starts two gateways) keeps the first.
    let _ = if log.json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_ansi(false).try_init()
    };
}
