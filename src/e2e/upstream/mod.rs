//! An upstream that does on command what no real provider can be asked to do.

mod http1;
mod http2;
mod refusing;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::reply::Reply;
use crate::tls::Identity;
pub use refusing::{Refusing, Unreachable};

/// Longest a test waits for something that should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// Which request of that connection it was, from 0.
    pub nth: usize,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Headers in their order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body; empty when the script said not to read it.
    pub body: Bytes,
    /// When its head was complete.
    pub at: Instant,
}

impl Seen {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the gateway sends JSON upstream")
    }

    /// Head and body as one text, to look for what must not be there.
    pub fn everything(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!(
            "{} {}\n{:?}\n{body}",
            self.method, self.target, self.headers
        )
    }
}

type Script = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// What a running upstream shares with its test.
#[derive(Default)]
pub(crate) struct Stage {
    seen: Mutex<Vec<Seen>>,
    queue: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Script>>,
    connections: AtomicUsize,
    hung_up: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed elsewhere must not hide behind a poisoned lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    /// The next scripted reply, when it wants the body left alone.
    fn early_reply(&self) -> Option<Reply> {
        let mut queue = locked(&self.queue);
        queue.pop_front_if(|reply| !reply.reads_body)
    }

    fn reply_to(&self, seen: Seen, chosen: Option<Reply>) -> Reply {
        let reply = chosen
            .or_else(|| locked(&self.queue).pop_front())
            .or_else(|| {
                let script = locked(&self.otherwise).clone();
                script.map(|script| script(&seen))
            })
            .unwrap_or_else(|| Reply::json(500, r#"{"error":{"message":"nothing scripted"}}"#));
        locked(&self.seen).push(seen);
        reply
    }

    fn peer_left(&self) {
        self.hung_up.fetch_add(1, Ordering::SeqCst);
    }
}

/// Protocols an upstream speaks.
enum Spoken {
    Http1,
    Http2,
    Tls(tokio_rustls::TlsAcceptor),
}

/// A scripted upstream on a free loopback port. Stops when dropped.
pub struct Upstream {
    /// Where it listens.
    pub addr: SocketAddr,
    scheme: &'static str,
    stage: Arc<Stage>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Speaks HTTP/1.1 in the clear.
    pub async fn start() -> Upstream {
        Upstream::speaking(Spoken::Http1, "http").await
    }

    /// Speaks HTTP/2 in the clear, with prior knowledge.
    pub async fn start_h2c() -> Upstream {
        Upstream::speaking(Spoken::Http2, "http").await
    }

    /// Speaks TLS with that identity and offers these protocols (`h2`, `http/1.1`).
    pub async fn start_tls(identity: &Identity, alpn: &[&str]) -> Upstream {
        Upstream::speaking(Spoken::Tls(identity.acceptor(alpn)), "https").await
    }

    /// An HTTP/1.1 upstream that always says the same.
    pub async fn saying(reply: Reply) -> Upstream {
        let upstream = Upstream::start().await;
        upstream.always(reply);
        upstream
    }

    async fn speaking(spoken: Spoken, scheme: &'static str) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let stage = Arc::new(Stage::default());
        let task = tokio::spawn(accept(listener, spoken, Arc::clone(&stage)));
        Upstream {
            addr,
            scheme,
            stage,
            task,
        }
    }

    /// Its address as a `base_url`.
    pub fn url(&self) -> String {
        match self.scheme {
            // Certificates are for the name.
            "https" => format!("https://localhost:{}", self.addr.port()),
            scheme => format!("{scheme}://{}", self.addr),
        }
    }

    /// Says this to the next request without a reply.
    pub fn then(&self, reply: Reply) -> &Upstream {
        locked(&self.stage.queue).push_back(reply);
        self
    }

    /// Says this whenever nothing is queued.
    pub fn always(&self, reply: Reply) {
        self.answer(move |_| reply.clone());
    }

    /// Decides by the request, whenever nothing is queued.
    pub fn answer(&self, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *locked(&self.stage.otherwise) = Some(Arc::new(script));
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Vec<Seen> {
        locked(&self.stage.seen).clone()
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        locked(&self.stage.seen).len()
    }

    /// The one request that came.
    pub fn only_request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(
            requests.len(),
            1,
            "exactly one request reaches the upstream"
        );
        requests.remove(0)
    }

    /// The newest request.
    pub fn last_request(&self) -> Seen {
        self.requests()
            .pop()
            .expect("a request reached the upstream")
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.stage.connections.load(Ordering::SeqCst)
    }

    /// How often the gateway left in the middle of a reply.
    pub fn hung_up(&self) -> usize {
        self.stage.hung_up.load(Ordering::SeqCst)
    }

    /// Waits until it was asked that often.
    pub async fn wait_for_calls(&self, calls: usize) {
        eventually("the upstream is asked", || self.calls() >= calls).await;
    }

    /// Waits until the gateway left in the middle of a reply.
    pub async fn wait_for_hang_up(&self) {
        eventually("the gateway leaves the upstream", || self.hung_up() > 0).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls until `happened`, and fails the test when it never does.
pub async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn accept(listener: TcpListener, spoken: Spoken, stage: Arc<Stage>) {
    // Connections end with the upstream.
    let mut open = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let number = stage.connections.fetch_add(1, Ordering::SeqCst);
        let stage = Arc::clone(&stage);
        socket.set_nodelay(true).ok();
        match &spoken {
            Spoken::Http1 => {
                open.spawn(http1::serve(socket, number, stage));
            }
            Spoken::Http2 => {
                open.spawn(http2::serve(socket, number, stage));
            }
            Spoken::Tls(acceptor) => {
                open.spawn(secured(socket, acceptor.clone(), number, stage));
            }
        }
        while open.try_join_next().is_some() {}
    }
}

async fn secured(
    socket: TcpStream,
    acceptor: tokio_rustls::TlsAcceptor,
    number: usize,
    stage: Arc<Stage>,
) {
    let Ok(stream) = acceptor.accept(socket).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, number, stage).await;
    } else {
        http1::serve(stream, number, stage).await;
    }
}
