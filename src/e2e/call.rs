//! A client's request, plain unless the test makes it otherwise.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::dialect::Dialect;
use crate::gateway::Gateway;
use crate::setup::{CALLER_KEY, own_key};
use crate::streaming::Streaming;

/// No test waits longer for a whole answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    http2: bool,
    chunked: bool,
}

impl Call {
    /// A GET by the usual caller.
    pub fn get(path: &str) -> Call {
        Call::new(Method::GET, path, Bytes::new()).key(Dialect::Chat, CALLER_KEY)
    }

    /// A POST of these exact bytes, by the usual caller.
    pub fn post(dialect: Dialect, path: &str, body: impl Into<Bytes>) -> Call {
        let call = Call::new(Method::POST, path, body.into())
            .header("content-type", "application/json")
            .key(dialect, CALLER_KEY);
        match dialect {
            Dialect::Messages => call.header("anthropic-version", "2023-06-01"),
            _ => call,
        }
    }

    /// The smallest request of that format.
    pub fn ask(dialect: Dialect, model: &str, stream: bool) -> Call {
        Call::json(dialect, model, stream, &dialect.ask(model, stream))
    }

    /// That JSON, to where the format's requests for `model` go.
    pub fn json(dialect: Dialect, model: &str, stream: bool, body: &Value) -> Call {
        Call::post(dialect, &dialect.path(model, stream), body.to_string())
    }

    fn new(method: Method, path: &str, body: Bytes) -> Call {
        Call {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body,
            http2: false,
            chunked: false,
        }
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Call {
        self.method = method.parse().expect("a method");
        self
    }

    /// Another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Call {
        path.clone_into(&mut self.path);
        self
    }

    /// Sets a header (only one of that name is sent).
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Call {
        let mut call = self.without(name);
        call.headers.push((name.to_owned(), value.to_owned()));
        call
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Call {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Presents a key where that format's clients do, and nowhere else.
    #[must_use]
    pub fn key(self, dialect: Dialect, key: &str) -> Call {
        let (name, value) = dialect.credential(key);
        self.anonymous().header(name, &value)
    }

    /// Presents no key.
    #[must_use]
    pub fn anonymous(self) -> Call {
        ["authorization", "x-api-key", "x-goog-api-key", "api-key"]
            .iter()
            .fold(self, |call, name| call.without(name))
    }

    /// Another body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Call {
        self.body = body.into();
        self
    }

    /// Over HTTP/2 with prior knowledge.
    #[must_use]
    pub fn over_http2(mut self) -> Call {
        self.http2 = true;
        self
    }

    /// Without a declared length.
    #[must_use]
    pub fn without_length(mut self) -> Call {
        self.chunked = true;
        self
    }

    /// Sends it and waits for the whole answer.
    pub async fn send(self, gateway: &Gateway) -> Answer {
        self.to(gateway).send_to(&gateway.addr).await
    }

    /// Sends it to a `host:port`.
    pub async fn send_to(self, addr: &str) -> Answer {
        self.send_with(&self.client(), addr).await
    }

    /// Sends it with a client that the caller keeps (connections are reused).
    pub async fn send_with(&self, client: &reqwest::Client, addr: &str) -> Answer {
        let answer = self.try_with(client, addr).await;
        answer.expect("the gateway answers to the end")
    }

    /// The same, where the gateway may die before its answer is over.
    pub async fn try_with(&self, client: &reqwest::Client, addr: &str) -> reqwest::Result<Answer> {
        let request = self.request(client, addr).timeout(PATIENCE);
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends it and returns once the head of the answer is there.
    pub async fn open(self, gateway: &Gateway) -> Streaming {
        self.to(gateway).open_at(&gateway.addr).await
    }

    /// Sends it to a `host:port` and returns once the head of the answer is there.
    pub async fn open_at(self, addr: &str) -> Streaming {
        let request = self.request(&self.client(), addr);
        Streaming::new(request.send().await.expect("the gateway answers"))
    }

    /// With the key of its format's own group, where the gateway has such groups.
    fn to(mut self, gateway: &Gateway) -> Call {
        if !gateway.apart {
            return self;
        }
        let own = own_key(Dialect::of_path(&self.path));
        let dress = |text: &mut String| {
            if text.contains(CALLER_KEY) && !text.contains(&format!("{CALLER_KEY}-")) {
                *text = text.replace(CALLER_KEY, &own);
            }
        };
        dress(&mut self.path);
        self.headers.iter_mut().for_each(|(_, value)| dress(value));
        self
    }

    fn request(&self, client: &reqwest::Client, addr: &str) -> reqwest::RequestBuilder {
        let address = match addr.contains("://") {
            true => format!("{addr}{}", self.path),
            false => format!("http://{addr}{}", self.path),
        };
        let mut request = client.request(self.method.clone(), address);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if self.chunked {
            let bites: Vec<_> = self
                .body
                .chunks(16 * 1024)
                .map(Bytes::copy_from_slice)
                .collect();
            let bites = futures_util::stream::iter(bites.into_iter().map(Ok::<_, std::io::Error>));
            return request.body(reqwest::Body::wrap_stream(bites));
        }
        if self.method == Method::GET && self.body.is_empty() {
            return request;
        }
        request.body(self.body.clone())
    }

    fn client(&self) -> reqwest::Client {
        if self.http2 {
            HTTP2.clone()
        } else {
            fresh_client()
        }
    }
}

/// A client that keeps no connection: what a test sees is its own.
pub fn fresh_client() -> reqwest::Client {
    builder()
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client")
}

/// A client that reuses its connections.
pub fn keeping_client() -> reqwest::Client {
    builder().build().expect("a client")
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tcp_nodelay(true)
}

static HTTP2: LazyLock<reqwest::Client> = LazyLock::new(|| {
    builder()
        .http2_prior_knowledge()
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client")
});
