//! A running admin API and a client that shows exactly what came over the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use config::Live;
use serde_json::Value;
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::{AdminState, Gateway, Tested, serve};

pub(crate) const KEY: &str = "adm-0123456789";

pub(crate) const CONFIG: &str = r#"
admin: { key: "adm-0123456789" }
channels:
  - { name: main, provider: openai, keys: ["sk-up-1", "sk-up-2"], models: ["*"] }
  - { name: spare, provider: custom, base_url: "http://127.0.0.1:9", formats: [chat], models: ["*"], enabled: false, options: { auth: none } }
"#;

/// What the gateway would say.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) reloads: AtomicUsize,
    pub(crate) changes: AtomicUsize,
}

#[async_trait]
impl Gateway for Facts {
    fn ledger_queue(&self) -> usize {
        7
    }

    fn in_flight(&self) -> usize {
        3
    }

    fn reloaded(&self) {
        self.reloads.fetch_add(1, Ordering::SeqCst);
    }

    fn rows_changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    async fn test_channel(&self, name: &str, model: Option<&str>) -> Option<Tested> {
        let error = format!("{name} does not know {}", model?);
        Some(Tested {
            status: Some(404),
            latency_ms: 5,
            error: Some(error),
            ..Tested::default()
        })
    }
}

/// A running API; stops when dropped.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) facts: Arc<Facts>,
    _stop: oneshot::Sender<()>,
}

impl Api {
    pub(crate) async fn start(yaml: &str) -> Api {
        Api::start_with(Arc::new(Live::from_text(yaml, &|_| None).unwrap())).await
    }

    pub(crate) async fn start_with(live: Arc<Live>) -> Api {
        Api::start_on(store::open("sqlite::memory:").unwrap(), live).await
    }

    pub(crate) async fn start_on(store: Arc<dyn Store>, live: Arc<Live>) -> Api {
        let facts = Arc::new(Facts::default());
        let state = AdminState::new(
            Arc::clone(&store),
            Arc::clone(&live),
            Arc::clone(&facts) as Arc<dyn Gateway>,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        tokio::spawn(async move { serve(listener, state, shutdown).await });
        Api {
            address,
            store,
            live,
            facts,
            _stop: stop,
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &format!("authorization: Bearer {KEY}\r\n"))
            .await
    }

    pub(crate) async fn post(&self, target: &str) -> Answer {
        self.call("POST", target, &format!("authorization: Bearer {KEY}\r\n"))
            .await
    }

    /// Sends JSON with the admin's key.
    pub(crate) async fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.send_with(method, target, "", &body.to_string()).await
    }

    /// Sends any text for JSON, with more headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let length = body.len();
        let head = format!(
            "authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}"
        );
        exchange(self.address, method, target, &head, body).await
    }

    /// Learns what the store has, as every node does.
    pub(crate) fn learn(&self) {
        let (users, keys) = (self.store.users_since(0), self.store.keys_since(0));
        self.live.learn(users.unwrap(), keys.unwrap());
        let documents = self.store.all_documents().unwrap();
        self.live.take_up(documents).unwrap();
    }

    pub(crate) async fn call(&self, method: &str, target: &str, headers: &str) -> Answer {
        call(self.address, method, target, headers).await
    }
}

pub(crate) async fn call(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    exchange(address, method, target, headers, "").await
}

async fn exchange(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // Fails where the answer came before the end of a body that nobody reads.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    Answer::parse(&String::from_utf8(bytes).unwrap())
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    /// The paths of everything that is wrong, of an answer that says so.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.problem(422);
        let json = self.json();
        let problems = json["problems"].as_array().unwrap().iter();
        let paths = problems.map(|problem| problem["path"].as_str().unwrap().to_owned());
        paths.collect()
    }

    /// Checks that it is a problem in the documented shape, and returns its detail.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let json = self.json();
        assert_eq!(json["status"], status);
        assert_eq!(json["type"], "about:blank");
        assert!(json["title"].is_string());
        json["detail"].as_str().unwrap().to_owned()
    }
}
