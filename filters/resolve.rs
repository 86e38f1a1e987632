//! Names to addresses, off the proxy threads, with a cache.
//!
//! Pingora's own `HttpPeer::new` resolves with a blocking call and unwraps; it only ever gets
//! socket addresses from here.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer is used without asking again. Providers behind DNS load balancing
/// use 60 s and less.
const FRESH: Duration = Duration::from_secs(30);
/// How long an old answer is still used while asking fails.
const STALE: Duration = Duration::from_secs(600);
/// Names kept; beyond it the cache starts anew.
const MAX_NAMES: usize = 1024;

/// The resolver and its cache.
#[derive(Default)]
pub struct Resolver {
    known: Mutex<HashMap<(String, u16), Known>>,
}

#[derive(Clone)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    at: Instant,
    turn: usize,
}

impl Resolver {
    /// An address of `host`; those of one answer take turns. Errors are connect failures.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: u16,
        limit: Duration,
    ) -> Result<SocketAddr, String> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, port));
        }
        let old = self.cached(host, port);
        if let Some((address, age)) = old
            && age < FRESH
        {
            return Ok(address);
        }
        let asked = tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await;
        match asked {
            Ok(Ok(found)) => {
                let mut addresses: Vec<SocketAddr> = found.collect();
                addresses.dedup();
                match addresses.first().copied() {
                    Some(first) => {
                        self.keep(host, port, addresses);
                        Ok(first)
                    }
                    None => Err("the name has no address".into()),
                }
            }
            failed => match old {
                Some((address, age)) if age < STALE => Ok(address),
                _ => Err(match failed {
                    Ok(Err(error)) => format!("name resolution failed: {error}"),
                    _ => "name resolution timed out".into(),
                }),
            },
        }
    }

    fn cached(&self, host: &str, port: u16) -> Option<(SocketAddr, Duration)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get_mut(&(host.to_string(), port))?;
        entry.turn = entry.turn.wrapping_add(1);
        let address = entry.addresses[entry.turn % entry.addresses.len()];
        Some((address, entry.at.elapsed()))
    }

    fn keep(&self, host: &str, port: u16, addresses: Vec<SocketAddr>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        known.insert(
            (host.to_string(), port),
            Known {
                addresses: addresses.into(),
                at: Instant::now(),
                turn: 0,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_need_no_resolver_and_names_are_cached() {
        let resolver = Resolver::default();
        let limit = Duration::from_secs(5);
        let literal = resolver.resolve("127.0.0.1", 80, limit).await;
        assert_eq!(literal, Ok(SocketAddr::from(([127, 0, 0, 1], 80))));
        let v6 = resolver.resolve("::1", 80, limit).await.expect("a literal");
        assert!(v6.is_ipv6());
        let local = resolver.resolve("localhost", 81, limit).await;
        assert!(local.expect("localhost is known").ip().is_loopback());
        assert!(resolver.cached("localhost", 81).is_some());
    }

    #[tokio::test]
    async fn an_unknown_name_is_an_error_not_a_panic() {
        let resolver = Resolver::default();
        let gone = resolver
            .resolve("no-such-host.invalid", 80, Duration::from_secs(5))
            .await;
        assert!(gone.is_err());
    }
}
