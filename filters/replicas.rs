//! The replicas behind one channel: pingora-load-balancing with its health checks.
//!
//! Pools are kept by channel name and survive reloads that do not touch them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use config::snapshot::{Balance, Base, Channel, Endpoints, Snapshot};
use pingora::lb::discovery::ServiceDiscovery;
use pingora::lb::health_check::{HttpHealthCheck, TcpHealthCheck};
use pingora::lb::selection::{Consistent, Random, RoundRobin};
use pingora::lb::{Backend, Backends, LoadBalancer};
use pingora::protocols::l4::socket::SocketAddr;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::resolve::Resolver;

/// Names of replicas are resolved again after this long.
const RESOLVE_AGAIN: Duration = Duration::from_secs(30);
/// Longest wait for the names of a pool.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);
/// Backends looked at for one selection.
const MAX_LOOKS: usize = 256;

/// Every pool, by channel name.
pub(crate) struct Replicas {
    resolver: Arc<Resolver>,
    pools: Mutex<HashMap<Arc<str>, Arc<Pool>>>,
}

impl Replicas {
    pub(crate) fn new(resolver: Arc<Resolver>) -> Replicas {
        Replicas {
            resolver,
            pools: Mutex::default(),
        }
    }

    /// The pool of `channel`, made anew when its endpoints change.
    pub(crate) fn pool(&self, channel: &Channel, endpoints: &Endpoints) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        match pools.get(&channel.name) {
            Some(pool) if pool.serves(endpoints) => Arc::clone(pool),
            _ => {
                let pool = Pool::new(endpoints.clone(), Arc::clone(&self.resolver));
                pools.insert(Arc::clone(&channel.name), Arc::clone(&pool));
                pool
            }
        }
    }

    /// Resolves and checks the replicas of every channel, on the caller's runtime, so that the
    /// first request finds them known. What cannot be resolved yet is tried again by requests.
    pub(crate) async fn begin(&self, snapshot: &Snapshot) {
        for channel in snapshot.channels.iter().filter(|channel| channel.enabled) {
            let Some(endpoints) = &channel.endpoints else {
                continue;
            };
            if let Err(error) = self.pool(channel, endpoints).begin().await {
                tracing::warn!(channel = &*channel.name, error, "replicas are not ready");
            }
        }
    }

    /// Drops the pools of channels that are gone, and their health checks with them.
    pub(crate) fn sweep(&self, snapshot: &Snapshot) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|name, _| {
            snapshot
                .channels
                .iter()
                .any(|channel| channel.name == *name && channel.endpoints.is_some())
        });
    }
}

/// The replicas of one channel.
pub(crate) struct Pool {
    endpoints: Endpoints,
    balancer: Balancer,
    started: OnceCell<Keeper>,
}

/// One replica, chosen for an attempt.
pub(crate) struct Replica {
    /// Its place in the channel's `endpoints`.
    pub(crate) index: usize,
    pub(crate) address: std::net::SocketAddr,
}

/// Marks a backend with the endpoint it came from.
#[derive(Clone, Copy)]
struct Place(usize);

enum Balancer {
    RoundRobin(Arc<LoadBalancer<RoundRobin>>),
    Random(Arc<LoadBalancer<Random>>),
    Consistent(Arc<LoadBalancer<Consistent>>),
}

/// Calls the same method of whichever balancer it is.
macro_rules! each {
    ($balancer:expr, $inner:ident => $call:expr) => {
        match $balancer {
            Balancer::RoundRobin($inner) => $call,
            Balancer::Random($inner) => $call,
            Balancer::Consistent($inner) => $call,
        }
    };
}

impl Pool {
    fn new(endpoints: Endpoints, resolver: Arc<Resolver>) -> Arc<Pool> {
        let mut backends = Backends::new(Box::new(Names {
            bases: endpoints.bases.clone(),
            resolver,
        }));
        if let Some((path, _)) = &endpoints.health_check {
            backends.set_health_check(health_check(&endpoints.bases, path));
        }
        let balancer = match endpoints.balance {
            Balance::RoundRobin => {
                Balancer::RoundRobin(Arc::new(LoadBalancer::from_backends(backends)))
            }
            Balance::Random => Balancer::Random(Arc::new(LoadBalancer::from_backends(backends))),
            Balance::Consistent => {
                Balancer::Consistent(Arc::new(LoadBalancer::from_backends(backends)))
            }
        };
        Arc::new(Pool {
            endpoints,
            balancer,
            started: OnceCell::new(),
        })
    }

    fn serves(&self, endpoints: &Endpoints) -> bool {
        self.endpoints.bases == endpoints.bases
            && self.endpoints.balance == endpoints.balance
            && self.endpoints.health_check == endpoints.health_check
    }

    /// A healthy replica that is not in `tried`; `key` decides under consistent balance.
    pub(crate) async fn choose(&self, key: &[u8], tried: &[usize]) -> Result<Replica, String> {
        self.begin().await?;
        let accept = |backend: &Backend, healthy: bool| {
            healthy && place(backend).is_some_and(|index| !tried.contains(&index))
        };
        let chosen = each!(&self.balancer, inner => inner.select_with(key, MAX_LOOKS, accept));
        let replica = chosen.and_then(|backend| {
            let SocketAddr::Inet(address) = backend.addr else {
                return None;
            };
            Some(Replica {
                index: place(&backend)?,
                address,
            })
        });
        replica.ok_or_else(|| "no healthy replica is left".to_string())
    }

    /// Finds the replicas and begins to check them, once.
    async fn begin(&self) -> Result<(), String> {
        let begun = self.started.get_or_try_init(|| self.start()).await;
        begun
            .map(drop)
            .map_err(|error| format!("no replica could be resolved: {error}"))
    }

    async fn start(&self) -> Result<Keeper, Box<pingora::Error>> {
        each!(&self.balancer, inner => inner.update().await)?;
        let period = self
            .endpoints
            .health_check
            .as_ref()
            .map(|(_, period)| *period);
        if period.is_some() {
            // Before the first choice, so that a dead replica is not found out by a request.
            each!(&self.balancer, inner => inner.backends().run_health_check(true).await);
        }
        Ok(Keeper(
            each!(&self.balancer, inner => keep(Arc::clone(inner), period)),
        ))
    }
}

fn place(backend: &Backend) -> Option<usize> {
    backend.ext.get::<Place>().map(|place| place.0)
}

/// Checks health and resolves names until the pool is gone.
struct Keeper(JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn keep<S>(balancer: Arc<LoadBalancer<S>>, period: Option<Duration>) -> JoinHandle<()>
where
    S: pingora::lb::selection::BackendSelection + Send + Sync + 'static,
    S::Iter: pingora::lb::selection::BackendIter,
    S::Config: Send + Sync,
{
    tokio::spawn(async move {
        let mut resolve = tokio::time::interval(RESOLVE_AGAIN);
        let mut check = tokio::time::interval(period.unwrap_or(RESOLVE_AGAIN));
        // Both fire at once at first, and both jobs have just been done.
        resolve.tick().await;
        check.tick().await;
        loop {
            tokio::select! {
                _ = resolve.tick() => {
                    if let Err(error) = balancer.update().await {
                        tracing::warn!(%error, "replicas could not be resolved; the old addresses stay");
                    }
                }
                _ = check.tick(), if period.is_some() => {
                    balancer.backends().run_health_check(true).await;
                }
            }
        }
    })
}

fn health_check(
    bases: &[Base],
    path: &str,
) -> Box<dyn pingora::lb::health_check::HealthCheck + Send + Sync> {
    let Some(base) = bases.first() else {
        return TcpHealthCheck::new();
    };
    let mut check = HttpHealthCheck::new(&base.host, base.https);
    // Replicas of one channel differ in address, not in name: the first one's stands for all.
    match pingora::http::RequestHeader::build("GET", path.as_bytes(), None) {
        Ok(mut request) => {
            if request
                .insert_header("host", base.authority.as_str())
                .is_ok()
            {
                check.req = request;
            }
        }
        Err(error) => tracing::warn!(%error, path, "health check path is not usable; checking /"),
    }
    check.consecutive_failure = 1;
    check.consecutive_success = 1;
    check.reuse_connection = true;
    Box::new(check)
}

/// Finds the addresses of a channel's endpoints.
struct Names {
    bases: Vec<Base>,
    resolver: Arc<Resolver>,
}

#[async_trait]
impl ServiceDiscovery for Names {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut found = BTreeSet::new();
        for (index, base) in self.bases.iter().enumerate() {
            let resolved = self
                .resolver
                .resolve(&base.host, base.port, RESOLVE_LIMIT)
                .await;
            match resolved {
                Ok(address) => {
                    let mut backend = Backend {
                        addr: SocketAddr::Inet(address),
                        weight: 1,
                        ext: Default::default(),
                    };
                    backend.ext.insert(Place(index));
                    found.insert(backend);
                }
                Err(error) => {
                    tracing::warn!(host = base.host, error, "a replica could not be resolved");
                }
            }
        }
        if found.is_empty() {
            return pingora::Error::e_explain(
                pingora::ErrorType::ConnectNoRoute,
                "no endpoint of the channel could be resolved",
            );
        }
        Ok((found, HashMap::new()))
    }
}
