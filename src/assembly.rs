//! From a configuration to a running server: every service, built in one readable list.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use config::snapshot::Snapshot;
use config::{Live, LiveEnv};
use filters::{Gateway, Metrics, Shared};
use ledger::limit::{Counters, Memory};
use ledger::{Journal, Writer};
use pingora::apps::HttpServerOptions;
use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;
use prometheus::Registry;
use secrecy::ExposeSecret;
use store::Store;
use store::counters::Redis;

use crate::cli::Failure;
use crate::drain::Drain;
use crate::listen::{self, Bound, Prebound};
use crate::retention::Retention;
use crate::rows::Rows;
use crate::sides::Socket;
use crate::statement::Kept;
use crate::upkeep::{Reloads, Side};
use crate::{files, logs, newcomer, sides, treasury};

/// Requests in flight at most; further ones are refused. What the journal may owe them, about
/// 1 KiB each, is in memory only while the disk is full.
const MAX_SLOTS: usize = 65_536;
/// Pingora's own grace period must not end before `gateway.drain` does: `drain.rs` exits.
const GRACE: Duration = Duration::from_secs(3600);
/// How often a store that has not answered yet is asked.
const STORE_PROBE: Duration = Duration::from_millis(500);
/// Upstream connections kept open and idle, per proxy thread.
const IDLE_POOL: usize = 512;
/// Buffers of a client's connection, in bytes. Reading: a TLS record; larger bodies are read past
/// it. Writing: head and body of a small answer leave in one system call; Pingora's own 1460 bytes
/// part them.
const CLIENT_BUFFERS: L4BufferSettings = L4BufferSettings {
    read: Some(16 << 10),
    write: Some(8 << 10),
};
/// HTTP/2 connections of clients without a request are closed after this long.
const H2_IDLE: Duration = Duration::from_secs(300);

/// The process's environment, as the configuration reads it.
pub fn environment() -> LiveEnv {
    Box::new(|name| std::env::var(name).ok())
}

/// `tollgate serve`.
///
/// # Errors
/// When the configuration does not compile, a port is taken or the store cannot be opened.
pub fn serve(path: PathBuf, upgrade: bool) -> Result<(), Failure> {
    let live = Live::start(path, environment())?;
    run(Arc::new(live), upgrade, Extra::default())
}

/// `tollgate demo`.
///
/// # Errors
/// As `serve`.
pub fn demo() -> Result<(), Failure> {
    let upstream = std::net::TcpListener::bind("127.0.0.1:0")?;
    upstream.set_nonblocking(true)?;
    let key = newcomer::new_key();
    let yaml = newcomer::configuration(upstream.local_addr()?, &key);
    let live = Live::from_text(&yaml, &environment())?;
    run(
        Arc::new(live),
        false,
        Extra {
            demo: Some((upstream, key)),
        },
    )
}

/// What only some commands add.
#[derive(Default)]
struct Extra {
    /// The demo upstream's socket, and the key to print.
    demo: Option<(std::net::TcpListener, String)>,
}

fn run(live: Arc<Live>, upgrade: bool, extra: Extra) -> Result<(), Failure> {
    let snapshot = live.full();
    logs::start(&snapshot.log);
    for warning in &snapshot.warnings {
        tracing::warn!(problem = %warning, "configuration");
    }
    let unusable = files::of_listeners(&snapshot);
    if !unusable.is_empty() {
        return Err(unusable.into());
    }
    for problem in files::of_channels(&snapshot) {
        tracing::error!(%problem, "requests of this channel will fail");
    }
    let store = open_store(&snapshot.store)?;
    let sink: Arc<dyn Store> = Arc::clone(&store);
    let journal = Journal::open(&snapshot.journal).map_err(other)?;
    let writer = Arc::new(Writer::start(sink, journal, MAX_SLOTS));
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).map_err(|error| Failure::Other(error.to_string()))?;
    let rows = Rows::start(Arc::clone(&live), Arc::clone(&store) as _)?;
    let store_seen = store_seen(Arc::clone(&store), Arc::clone(&rows))?;
    let shared = Arc::new(Shared::new(
        Arc::clone(&live),
        Arc::clone(&writer),
        counters(&snapshot)?,
        treasury::start(&store, &writer)?,
        metrics,
        Arc::new(Kept(Arc::clone(&store))),
        store_seen,
    ));
    shared.on_reload();

    let mut server = Server::new_with_opt_and_conf(
        Opt {
            upgrade,
            ..Opt::default()
        },
        server_conf(&snapshot),
    );
    server.bootstrap();

    let (gateway, addresses) = gateway(&server, &snapshot, &shared, upgrade)?;
    server.add_service(gateway);
    for address in &addresses {
        tracing::info!("listening gateway={address}");
    }
    let socket = |name, listen| Socket::new(name, listen, upgrade).map_err(other);
    let admin_socket = socket("admin", &snapshot.admin.listen)?;
    let metrics_socket = socket("metrics", &snapshot.metrics)?;
    let parts = sides::Parts {
        live: Arc::clone(&live),
        store: Arc::clone(&store),
        writer: Arc::clone(&writer),
        shared: Arc::clone(&shared),
        rows,
        registry,
    };
    server.add_service(background_service(
        "admin",
        Side::new(sides::admin(admin_socket, parts.clone())),
    ));
    server.add_service(background_service(
        "metrics",
        Side::new(sides::metrics(metrics_socket, parts)),
    ));
    server.add_service(background_service(
        "retention",
        Retention {
            live: Arc::clone(&live),
            store,
        },
    ));
    server.add_service(background_service(
        "reloads",
        Reloads {
            live,
            shared: Arc::clone(&shared),
        },
    ));
    server.add_service(background_service(
        "drain",
        Drain {
            shared,
            writer,
            limit: snapshot.gateway.drain,
        },
    ));
    if let Some((upstream, key)) = extra.demo {
        server.add_service(background_service("demo", Side::new(sides::demo(upstream))));
        newcomer::banner(addresses[0], &key)?;
    }
    server.run(RunArgs::default());
    logs::flush();
    std::process::exit(0)
}

fn server_conf(snapshot: &Snapshot) -> ServerConf {
    ServerConf {
        threads: threads(),
        grace_period_seconds: Some(snapshot.gateway.drain.max(GRACE).as_secs()),
        graceful_shutdown_timeout_seconds: Some(1),
        upstream_keepalive_pool_size: IDLE_POOL,
        upgrade_sock: upgrade_socket(&snapshot.store),
        // The plan bounds attempts; this only must not be smaller.
        max_retries: 64,
        ..ServerConf::default()
    }
}

/// One proxy thread per core, or as many as `TOLLGATE_THREADS` says.
fn threads() -> usize {
    let asked = std::env::var("TOLLGATE_THREADS").ok();
    asked
        .and_then(|text| text.parse().ok())
        .filter(|threads| *threads > 0)
        .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1)
}

/// Beside the database, where only the gateway's user writes; elsewhere the temporary folder.
fn upgrade_socket(store: &str) -> String {
    let beside = store
        .strip_prefix("sqlite://")
        .filter(|path| !path.starts_with(':'))
        .and_then(|path| Path::new(path).parent().map(Path::to_path_buf));
    let folder = beside.unwrap_or_else(std::env::temp_dir);
    folder
        .join("tollgate-upgrade.sock")
        .to_string_lossy()
        .into()
}

/// Counters of limits: shared by the nodes where there is a Redis, else of this process.
fn counters(snapshot: &Snapshot) -> Result<Arc<dyn Counters>, Failure> {
    match &snapshot.redis {
        None => Ok(Arc::new(Memory::default())),
        Some(url) => match Redis::new(url.expose_secret()) {
            Ok(redis) => Ok(Arc::new(redis)),
            Err(bad) => Err(Failure::Other(format!("redis: {bad}"))),
        },
    }
}

/// Opens the store on a plain thread: migrations may use drivers that refuse to run inside an
/// async runtime.
pub(crate) fn open_store(url: &str) -> Result<Arc<dyn Store>, Failure> {
    let url = url.to_string();
    let opened = std::thread::spawn(move || store::open(&url)).join();
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(error)) => Err(Failure::Other(format!(
            "the store cannot be opened: {error}"
        ))),
        Err(_) => Err(Failure::Other("the store cannot be opened".into())),
    }
}

/// Whether the store answered once and its rows are known. A thread of its own asks until it does: a
/// server that is away must not hold up those who probe.
fn store_seen(
    store: Arc<dyn Store>,
    rows: Arc<Rows>,
) -> Result<Arc<dyn Fn() -> bool + Send + Sync>, Failure> {
    let seen = Arc::new(AtomicBool::new(false));
    let answered = Arc::clone(&seen);
    std::thread::Builder::new()
        .name("store probe".into())
        .spawn(move || {
            while let Err(error) = store.ping() {
                tracing::debug!(%error, "the store does not answer yet");
                std::thread::sleep(STORE_PROBE);
            }
            answered.store(true, Ordering::Relaxed);
        })?;
    Ok(Arc::new(move || {
        seen.load(Ordering::Relaxed) && rows.are_known()
    }))
}

type Proxy = pingora::services::listening::Service<pingora::proxy::HttpProxy<Gateway>>;

fn gateway(
    server: &Server,
    snapshot: &Snapshot,
    shared: &Arc<Shared>,
    upgrade: bool,
) -> Result<(Prebound<Proxy>, Vec<SocketAddr>), Failure> {
    let mut service = pingora::proxy::http_proxy_service_with_name(
        &server.configuration,
        Gateway::new(Arc::clone(shared)),
        "gateway",
    );
    let mut options = HttpServerOptions::default();
    // Clients may speak HTTP/2 without TLS when they know it beforehand.
    options.h2c = true;
    options.h2_idle_timeout = Some(H2_IDLE);
    if let Some(proxy) = service.app_logic_mut() {
        proxy.server_options = Some(options);
    }
    let mut sockets: Vec<(String, OwnedFd)> = Vec::new();
    let mut addresses = Vec::new();
    for listen in &snapshot.gateway.listen {
        let address = if upgrade {
            listen::address(listen).map_err(other)?
        } else {
            let Bound { address, listener } = listen::bind(listen).map_err(other)?;
            sockets.push((address.to_string(), listener.into()));
            address
        };
        let mut listener = ListenerConfig::tcp(address.to_string()).l4_buffer(CLIENT_BUFFERS);
        if let Some((cert, key)) = &listen.tls {
            let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
            let mut tls = TlsSettings::intermediate(&cert, &key)
                .map_err(|error| Failure::Other(format!("gateway.listen tls: {error}")))?;
            tls.enable_h2();
            listener = listener.tls(tls);
        }
        service.add_listener(listener);
        addresses.push(address);
    }
    Ok((Prebound::new(service, sockets), addresses))
}

fn other(error: impl std::fmt::Display) -> Failure {
    Failure::Other(error.to_string())
}
