//! Addresses where nobody answers.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Bound but not listening: every connection is refused, and nobody else can take the port.
pub struct Refusing {
    addr: SocketAddr,
    _socket: TcpSocket,
}

impl Refusing {
    /// Takes a free port and refuses everyone.
    pub fn start() -> Refusing {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(loopback()).expect("loopback has a free port");
        Refusing {
            addr: socket.local_addr().expect("a bound socket has an address"),
            _socket: socket,
        }
    }

    /// Its address as a `base_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// Its queue of connections is full: connecting to it takes forever.
pub struct Unreachable {
    addr: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Unreachable {
    /// Takes a free port and fills its queue.
    pub async fn start() -> Unreachable {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(loopback()).expect("loopback has a free port");
        let listener = socket.listen(1).expect("a bound socket can listen");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let mut queue = Vec::new();
        // Linux queues one or two more than asked; a connect that does not come back tells that it is full.
        while let Ok(Ok(stream)) = tokio::time::timeout(
            std::time::Duration::from_millis(200),
            TcpStream::connect(addr),
        )
        .await
        {
            queue.push(stream);
        }
        Unreachable {
            addr,
            _listener: listener,
            _queue: queue,
        }
    }

    /// Its address as a `base_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
