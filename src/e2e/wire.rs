//! A client by hand, for what no HTTP library would send.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::CALLER_KEY;

/// No test waits longer for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open connection to a gateway.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Header lines as they came.
    pub lines: Vec<String>,
}

impl Head {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Wire {
    /// Connects to a `host:port`.
    pub async fn open(addr: &str) -> Wire {
        let stream = TcpStream::connect(addr).await.expect("the gateway listens");
        stream.set_nodelay(true).ok();
        Wire {
            stream,
            read: Vec::new(),
        }
    }

    /// Writes bytes as they are. `false` when the other side no longer takes them.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Writes bytes in bites of that size, each in a packet of its own if the kernel likes.
    pub async fn send_in_bites(&mut self, bytes: &[u8], size: usize) {
        for bite in bytes.chunks(size.max(1)) {
            self.send(bite).await;
            tokio::task::yield_now().await;
        }
    }

    /// The next answer's head; `None` when the connection ends first.
    pub async fn head(&mut self) -> Option<Head> {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end;
            }
            if self.more().await == 0 {
                return None;
            }
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head
            .lines()
            .map(str::to_owned)
            .filter(|line| !line.is_empty());
        let status = lines.next().unwrap_or_default();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        Some(Head {
            status: status.expect("an answer has a status"),
            lines: lines.collect(),
        })
    }

    /// A body of that length.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length && self.more().await > 0 {}
        let end = length.min(self.read.len());
        self.read.drain(..end).collect()
    }

    /// The next answer, read by its length or its chunks.
    pub async fn answer(&mut self) -> Option<(Head, Vec<u8>)> {
        let head = self.head().await?;
        if let Some(length) = head.header("content-length") {
            let length = length.parse().expect("a length is a number");
            let body = self.exactly(length).await;
            return Some((head, body));
        }
        if head.header("transfer-encoding").is_some() {
            let body = self.chunks().await;
            return Some((head, body));
        }
        while self.more().await > 0 {}
        Some((head, std::mem::take(&mut self.read)))
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.read, b"\r\n") {
                    break end;
                }
                assert!(self.more().await > 0, "a chunk has a size");
            };
            let size: Vec<u8> = self.read.drain(..end + 2).collect();
            let size = String::from_utf8_lossy(&size);
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size is hexadecimal");
            body.extend(self.exactly(size).await);
            self.exactly(2).await;
            if size == 0 {
                return body;
            }
        }
    }

    /// Reads what comes next, with its time; `None` at the end.
    pub async fn bytes(&mut self) -> Option<(Instant, Vec<u8>)> {
        if self.read.is_empty() && self.more().await == 0 {
            return None;
        }
        Some((Instant::now(), std::mem::take(&mut self.read)))
    }

    /// Whether the other side closes without a further byte.
    pub async fn is_closed(&mut self) -> bool {
        self.more().await == 0
    }

    async fn more(&mut self) -> usize {
        self.read.reserve(16 * 1024);
        let read = self.stream.read_buf(&mut self.read);
        let read = tokio::time::timeout(PATIENCE, read).await;
        // A reset is an end, too.
        read.expect("the gateway says something or closes")
            .unwrap_or(0)
    }
}

/// The head of a POST with the caller's key; `extra` are whole header lines.
pub fn post_head(path: &str, extra: &[&str]) -> String {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {CALLER_KEY}\r\ncontent-type: application/json\r\n"
    );
    for line in extra {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

/// `body` in chunks of that size, ended.
pub fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut wire = Vec::with_capacity(body.len() * 2);
    for chunk in body.chunks(size.max(1)) {
        wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
