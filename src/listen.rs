//! Listening sockets: bound before anything starts, so that their real addresses can be told
//! and a taken port is one clear error.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{IntoRawFd, OwnedFd};

use async_trait::async_trait;
use config::snapshot::Listen;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;

/// A listener of the gateway itself, or the reason there is none.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}; is another program using it?")]
pub(crate) struct CannotListen {
    address: String,
    #[source]
    cause: std::io::Error,
}

/// A bound socket and where it really listens.
pub(crate) struct Bound {
    pub(crate) address: SocketAddr,
    pub(crate) listener: TcpListener,
}

/// Binds `listen`; port 0 takes a free one.
pub(crate) fn bind(listen: &Listen) -> Result<Bound, CannotListen> {
    let fail = |cause| CannotListen {
        address: listen.address.clone(),
        cause,
    };
    let listener = TcpListener::bind(&listen.address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok(Bound { address, listener })
}

/// The address a configured name stands for, without binding it.
pub(crate) fn address(listen: &Listen) -> Result<SocketAddr, CannotListen> {
    let fail = |cause| CannotListen {
        address: listen.address.clone(),
        cause,
    };
    listen
        .address
        .to_socket_addrs()
        .map_err(fail)?
        .next()
        .ok_or_else(|| fail(std::io::ErrorKind::AddrNotAvailable.into()))
}

/// A Pingora service whose sockets are bound already: Pingora binds by name and does not tell
/// the port it got, and two `127.0.0.1:0` would share one socket.
pub(crate) struct Prebound<S> {
    service: S,
    sockets: Vec<(String, OwnedFd)>,
}

impl<S> Prebound<S> {
    /// `sockets` under the very addresses that `service` was told to listen on.
    pub(crate) fn new(service: S, sockets: Vec<(String, OwnedFd)>) -> Prebound<S> {
        Prebound { service, sockets }
    }
}

#[async_trait]
impl<S: Service> Service for Prebound<S> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        if let Some(fds) = &fds {
            let mut table = fds.lock();
            for (address, socket) in self.sockets.drain(..) {
                // Sockets handed over by an older process come first.
                if table.get(&address).is_none() {
                    table.add(address, socket.into_raw_fd());
                }
            }
        }
        self.service
            .start_service(fds, shutdown, listeners_per_fd)
            .await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }
}
