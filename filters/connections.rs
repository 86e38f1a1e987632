//! Connections to upstreams: one from the pool where there is one, else a new one.

use std::time::Duration;

use pingora::Error;
use pingora::connectors::http::{v1, v2};
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::upstreams::peer::HttpPeer;

/// Pools of both versions of HTTP. Pingora's own pair of them has one way in, a future with room for a
/// whole TLS handshake: made and moved for each request (8 thousand instructions), though nearly all find a
/// connection in a pool. Here that way is taken only where none is found.
pub(crate) struct Connections {
    http1: v1::Connector,
    http2: v2::Connector,
}

impl Connections {
    pub(crate) fn new() -> Connections {
        Connections {
            http1: v1::Connector::new(None),
            http2: v2::Connector::new(None),
        }
    }

    /// A connection to `peer`, and whether it was used before.
    ///
    /// # Errors
    /// When none can be had: the address refuses, the handshake fails, a timeout of the peer's options
    /// passes.
    pub(crate) async fn get(&self, peer: &HttpPeer) -> Result<(Upstream, bool), Box<Error>> {
        if let Some(pooled) = self.pooled(peer).await? {
            return Ok((pooled, true));
        }
        let fresh = match peer.options.alpn.get_max_http_version() {
            1 => Box::pin(self.fresh_http1(peer)).await?,
            _ => Box::pin(self.http2.new_http_session(peer)).await?,
        };
        Ok((fresh, false))
    }

    /// One that was used before. Of an upstream that may speak either version, HTTP/2 first: one
    /// connection carries many requests.
    async fn pooled(&self, peer: &HttpPeer) -> Result<Option<Upstream>, Box<Error>> {
        let alpn = &peer.options.alpn;
        if alpn.get_max_http_version() == 2
            && let Some(http2) = self.http2.reused_http_session(peer).await?
        {
            return Ok(Some(Upstream::H2(http2)));
        }
        match alpn.get_min_http_version() {
            1 => Ok(self.http1.reused_http_session(peer).await.map(Upstream::H1)),
            _ => Ok(None),
        }
    }

    async fn fresh_http1(&self, peer: &HttpPeer) -> Result<Upstream, Box<Error>> {
        let (http1, _) = self.http1.get_http_session(peer).await?;
        Ok(Upstream::H1(http1))
    }

    /// Takes a connection back whose answer was read to its end, for `idle` at most.
    pub(crate) async fn release(
        &self,
        upstream: Upstream,
        peer: &HttpPeer,
        idle: Option<Duration>,
    ) {
        match upstream {
            Upstream::H1(http1) => self.http1.release_http_session(http1, peer, idle).await,
            Upstream::H2(http2) => self.http2.release_http_session(http2, peer, idle),
            Upstream::Custom(()) => {}
        }
    }
}
