//! What every request shares: the few services that move while running.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use config::live::Live;
use ledger::budget::Budgets;
use ledger::limit::Counters;
use ledger::writer::Writer;
use pingora::utils::tls::WrappedX509;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::connections::Connections;
use crate::metrics::Metrics;
use crate::own::{Desk, Statement};
use crate::proofs::Proofs;
use crate::replicas::Replicas;
use crate::resolve::Resolver;

/// Bytes of a file of authorities that are read: systems have some 250 kB of all there are.
const MAX_AUTHORITY_BYTES: u64 = 4 << 20;

/// The data plane's services, made once at start.
pub struct Shared {
    pub(crate) live: Arc<Live>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) counters: Arc<dyn Counters>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) metrics: Metrics,
    /// What key holders may know.
    pub(crate) desk: Desk,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) replicas: Replicas,
    pub(crate) authorities: Authorities,
    pub(crate) proofs: Proofs,
    pub(crate) upstreams: Connections,
    pub(crate) in_flight: Arc<AtomicUsize>,
    /// True once what is still in flight must end: the process is about to.
    cut: watch::Sender<bool>,
    pub(crate) store_seen: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Shared {
    /// `store_seen` says whether the store was reachable once.
    pub fn new(
        live: Arc<Live>,
        writer: Arc<Writer>,
        counters: Arc<dyn Counters>,
        budgets: Arc<Budgets>,
        metrics: Metrics,
        statement: Arc<dyn Statement>,
        store_seen: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> Shared {
        let resolver = Arc::new(Resolver::default());
        Shared {
            replicas: Replicas::new(Arc::clone(&resolver)),
            resolver,
            live,
            writer,
            counters,
            budgets,
            metrics,
            desk: Desk::new(statement),
            authorities: Authorities::default(),
            proofs: Proofs::default(),
            upstreams: Connections::new(),
            in_flight: Arc::default(),
            cut: watch::Sender::new(false),
            store_seen,
        }
    }

    /// Requests being answered right now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Ends every request in flight: each is closed and recorded as `gateway_lost`.
    pub fn cut_all(&self) {
        self.cut.send_replace(true);
    }

    /// Waits until `cut_all` is called.
    pub(crate) async fn cut(&self) {
        let mut cut = self.cut.subscribe();
        if cut.wait_for(|cut| *cut).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes up a new configuration: forgets replicas and labels of channels that are gone.
    pub fn on_reload(&self) {
        let snapshot = self.live.full();
        self.replicas.sweep(&snapshot);
        self.authorities.forget();
        self.metrics.on_reload(&snapshot, &self.live);
    }

    /// Finds and checks the replicas of the running configuration. Their health checks go on on
    /// the caller's runtime.
    pub async fn begin_replicas(&self) {
        self.replicas.begin(&self.live.full()).await;
    }

    /// Refreshes the metrics that are only known at the moment of a scrape.
    pub fn on_scrape(&self) {
        self.metrics.on_scrape(
            &self.live.full(),
            self.in_flight(),
            &self.writer,
            &self.live,
        );
    }

    pub(crate) fn enter(&self) -> InFlight {
        InFlight::new(&self.in_flight)
    }
}

/// Counts one request as in flight until it is dropped.
pub(crate) struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn new(count: &Arc<AtomicUsize>) -> InFlight {
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(count))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Certificate authorities of private upstreams, parsed once per configuration.
#[derive(Default)]
pub(crate) struct Authorities(Mutex<HashMap<PathBuf, Authority>>);

type Authority = Arc<[WrappedX509]>;

impl Authorities {
    pub(crate) fn load(&self, path: &Path) -> Result<Authority, String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = known.get(path) {
            return Ok(Arc::clone(authority));
        }
        let pem = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let authority = parse(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
        known.insert(path.to_path_buf(), Arc::clone(&authority));
        Ok(authority)
    }

    fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// What is no file may have no end, or keep whoever reads it waiting.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let mut pem = Vec::new();
    File::open(path)?
        .take(MAX_AUTHORITY_BYTES)
        .read_to_end(&mut pem)?;
    Ok(pem)
}

fn parse(pem: &[u8]) -> Result<Authority, String> {
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let der = certificate.map_err(|error| error.to_string())?.to_vec();
        let parsed = pingora::utils::tls::WrappedX509TryBuilder {
            raw_cert: der,
            cert_builder: |der: &Vec<u8>| X509Certificate::from_der(der).map(|(_, cert)| cert),
        };
        found.push(parsed.try_build().map_err(|error| error.to_string())?);
    }
    if found.is_empty() {
        return Err("no certificate in it".into());
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_read_for_authorities() {
        let authorities = Authorities::default();
        let device = authorities.load(Path::new("/dev/null")).err();
        assert_eq!(device.as_deref(), Some("/dev/null: not a file"));
        let missing = authorities.load(Path::new("/nowhere.pem")).err();
        assert!(missing.is_some_and(|error| error.starts_with("/nowhere.pem: ")));
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let other = authorities.load(Path::new(manifest)).err();
        assert!(other.is_some_and(|error| error.ends_with("no certificate in it")));
    }
}
