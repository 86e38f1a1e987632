//! Where `tracing` events go: standard error, as text or JSON lines.

mod access;
mod gather;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use config::snapshot::Log;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{
    DefaultFields, FormatEvent, FormatFields, JsonFields, Writer, format,
};
use tracing_subscriber::registry::LookupSpan;

use self::access::Access;
use self::gather::Gather;

/// Quiet by default: Pingora reports every retry and every broken connection itself, and the
/// access line says the same with more reason.
const QUIET: &str = "pingora_core=warn,pingora_core::connectors=off,pingora_proxy=error,\
    pingora_load_balancing=warn,refinery_core=warn";

static LINES: LazyLock<Gather> = LazyLock::new(Gather::default);

/// Whether lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);
/// What the level is, and how it is changed; set once logging has started.
static LEVEL: OnceLock<Level> = OnceLock::new();

struct Level {
    current: Mutex<String>,
    change: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

/// Starts logging as configured. Later calls change nothing.
pub(crate) fn start(log: &Log) {
    JSON.store(log.json, Ordering::Relaxed);
    let either = Either {
        text: Access::text(format().with_ansi(false)),
        json: Access::json(format().json().flatten_event(true)),
    };
    let lines = tracing_subscriber::fmt()
        .with_writer(&*LINES)
        .with_ansi(false)
        .fmt_fields(Fields)
        .event_format(either)
        .with_env_filter(filter(&log.level))
        .with_filter_reloading();
    let handle = lines.reload_handle();
    // A second start (a test that starts two gateways) keeps the first.
    let started = lines.try_init();
    if started.is_ok() {
        LINES.start();
        let _ = LEVEL.set(Level {
            current: Mutex::new(log.level.clone()),
            change: Box::new(move |filter| {
                // It fails only when the subscriber is gone, and this one never goes.
                let _ = handle.reload(filter);
            }),
        });
    }
}

/// Logs as configured from now on.
pub(crate) fn change(log: &Log) {
    let Some(level) = LEVEL.get() else {
        return;
    };
    JSON.store(log.json, Ordering::Relaxed);
    let mut current = level.current.lock().unwrap_or_else(PoisonError::into_inner);
    if *current != log.level {
        (level.change)(filter(&log.level));
        current.clone_from(&log.level);
    }
}

fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(format!("{level},{QUIET}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")))
}

/// The fields of events and spans, in text or JSON.
struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        match JSON.load(Ordering::Relaxed) {
            true => JsonFields::new().format_fields(writer, fields),
            false => DefaultFields::new().format_fields(writer, fields),
        }
    }
}

/// Text or JSON, as it is at the moment.
struct Either<T, J> {
    text: T,
    json: J,
}

impl<S, N, T, J> FormatEvent<S, N> for Either<T, J>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    T: FormatEvent<S, N>,
    J: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match JSON.load(Ordering::Relaxed) {
            true => self.json.format_event(context, writer, event),
            false => self.text.format_event(context, writer, event),
        }
    }
}

/// Writes what is still gathered: the process is about to end.
pub(crate) fn flush() {
    LINES.flush();
}
