//! A running admin API and a client that shows exactly what came over the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use config::Live;
use serde_json::Value;
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::{AdminState, Gateway, serve};

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
}

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
        let store = store::open("sqlite::memory:").unwrap();
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

    pub(crate) async fn call(&self, method: &str, target: &str, headers: &str) -> Answer {
        call(self.address, method, target, headers).await
    }
}

pub(crate) async fn call(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
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
