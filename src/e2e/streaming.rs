//! A streamed answer as it arrives: bytes, events, and when each came.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde_json::Value;

use crate::answer::Answer;
use crate::dialect::Dialect;

/// No test waits longer for the next bytes of a stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its `event:` name.
    pub name: Option<String>,
    /// Its data, lines joined.
    pub data: String,
    /// When its last byte came.
    pub at: Instant,
}

impl Event {
    /// The data as JSON; null for `[DONE]`.
    pub fn json(&self) -> Value {
        if self.data == "[DONE]" {
            return Value::Null;
        }
        serde_json::from_str(&self.data)
            .unwrap_or_else(|error| panic!("event {:?}: {error}", self.data))
    }
}

/// How the bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As the framing says.
    Properly,
    /// The connection broke.
    Broken,
}

/// A streamed answer, read as slowly as the test likes. Dropping it leaves.
pub struct Streaming {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    raw: BytesMut,
    read: usize,
    ended: Option<Ended>,
}

impl Streaming {
    pub(crate) fn new(response: reqwest::Response) -> Streaming {
        Streaming {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            response,
            raw: BytesMut::new(),
            read: 0,
            ended: None,
        }
    }

    /// The gateway's id of the request.
    pub fn id(&self) -> String {
        let id = self.headers.get("x-request-id");
        let id = id.and_then(|id| id.to_str().ok());
        id.expect("every answer has an x-request-id").to_owned()
    }

    /// The next event; `None` at the end, however it ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.take_event() {
                return Some(event);
            }
            if self.ended.is_some() {
                return None;
            }
            self.more().await;
        }
    }

    /// Reads on until an event adds text; panics when none does.
    pub async fn first_text(&mut self, dialect: Dialect) -> Event {
        while let Some(event) = self.next().await {
            if !dialect.delta_of(&event.json()).is_empty() {
                return event;
            }
        }
        panic!("the stream ends without text: {:?}", self.text());
    }

    /// Every event that is still to come.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Reads to the end; how it ended and every byte of the body.
    pub async fn whole(&mut self) -> (Ended, Bytes) {
        while self.ended.is_none() {
            self.more().await;
        }
        (self.ended.expect("just seen"), self.raw.clone().freeze())
    }

    /// Reads to the end as if it were no stream.
    pub async fn answer(mut self) -> Answer {
        let (_, body) = self.whole().await;
        Answer {
            status: self.status,
            headers: self.headers,
            body,
        }
    }

    /// What came so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    async fn more(&mut self) {
        let next = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
        match next.unwrap_or_else(|_| panic!("the stream goes on after {:?}", self.text())) {
            Ok(Some(bytes)) => self.raw.extend_from_slice(&bytes),
            Ok(None) => self.ended = Some(Ended::Properly),
            Err(_) => self.ended = Some(Ended::Broken),
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        loop {
            let text = std::str::from_utf8(&self.raw[self.read..]).ok()?;
            let end = text.find("\n\n")? + 2;
            let lines = text[..end].to_owned();
            self.read += end;
            if let Some(event) = parse(&lines) {
                return Some(event);
            }
        }
    }
}

fn parse(lines: &str) -> Option<Event> {
    let field = |line: &str, name: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(value.strip_prefix(' ').unwrap_or(value).to_owned())
    };
    let data: Vec<_> = lines
        .lines()
        .filter_map(|line| field(line, "data"))
        .collect();
    if data.is_empty() {
        return None;
    }
    Some(Event {
        name: lines.lines().find_map(|line| field(line, "event")),
        data: data.join("\n"),
        at: Instant::now(),
    })
}
