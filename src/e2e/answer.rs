//! What a client got.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::dialect::{Dialect, Refusal};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The gateway's id of the request.
    pub fn id(&self) -> &str {
        self.header("x-request-id")
            .expect("every answer has an x-request-id")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.status, self.text()))
    }

    /// The error it tells, read as that vendor's SDK would.
    pub fn refusal(&self, dialect: Dialect) -> Refusal {
        Refusal::read(dialect, self.status, &self.json())
    }

    /// Fails the test unless the status is that.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Answer {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}
