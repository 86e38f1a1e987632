//! What a scripted upstream says, and every way it can go wrong while saying it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`, one chunk per piece.
    Chunked,
    /// Neither: the body ends where the connection does.
    UntilClose,
}

/// How a connection is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// An orderly close at a disorderly moment.
    Fin,
    /// A reset.
    Rst,
}

/// What happens after the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The framing is completed and the connection kept.
    Clean,
    /// The framing is completed and the connection closed without having said so.
    CleanThenClose,
    /// The connection breaks before the framing is completed.
    Cut(Cut),
    /// Nothing more is said and the connection stays.
    Stall,
}

/// A step of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Written and flushed at once.
    Bytes(Bytes),
    /// Silence.
    Wait(Duration),
    /// Silence until the test opens the gate.
    Gate(Gate),
}

/// Holds a reply back until the test lets it go on.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Gate(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets everyone through, from now on.
    pub fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn passed(&self) {
        // Closing is the signal; no permit is ever added.
        let _closed = self.0.acquire().await;
    }
}

/// One scripted answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) interim: Vec<u16>,
    pub(crate) head_delay: Vec<Piece>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) raw_head: Option<Bytes>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) framing: Framing,
    pub(crate) end: End,
    pub(crate) reads_body: bool,
    pub(crate) says_nothing: bool,
}

impl Reply {
    /// A status and nothing else.
    pub fn status(status: u16) -> Reply {
        Reply {
            interim: Vec::new(),
            head_delay: Vec::new(),
            status,
            headers: Vec::new(),
            raw_head: None,
            pieces: Vec::new(),
            framing: Framing::Length,
            end: End::Clean,
            reads_body: true,
            says_nothing: false,
        }
    }

    /// A whole body of that type.
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
        let mut reply = Reply::status(status).header("content-type", content_type);
        reply.pieces.push(Piece::Bytes(body.into()));
        reply
    }

    /// A whole JSON body, exactly as spelled.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Reply {
        Reply::body(status, "application/json", body)
    }

    /// A whole JSON body.
    pub fn value(status: u16, body: &Value) -> Reply {
        Reply::json(status, body.to_string())
    }

    /// A chunked event stream, one write per event. Events are given complete, blank line included.
    pub fn sse<E: Into<Bytes>>(events: impl IntoIterator<Item = E>) -> Reply {
        let mut reply = Reply::status(200).header("content-type", "text/event-stream");
        reply.framing = Framing::Chunked;
        reply.pieces = events
            .into_iter()
            .map(|event| Piece::Bytes(event.into()))
            .collect();
        reply
    }

    /// Bytes that need not be HTTP at all; the connection closes behind them.
    pub fn raw(bytes: impl Into<Bytes>) -> Reply {
        let mut reply = Reply::status(200);
        reply.raw_head = Some(bytes.into());
        reply.end = End::CleanThenClose;
        reply
    }

    /// The request is read and the connection breaks without a word.
    pub fn hang_up(cut: Cut) -> Reply {
        let mut reply = Reply::status(200);
        reply.says_nothing = true;
        reply.end = End::Cut(cut);
        reply
    }

    /// The request is read and never answered.
    pub fn silence() -> Reply {
        let mut reply = Reply::status(200);
        reply.says_nothing = true;
        reply.end = End::Stall;
        reply
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the length framing.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Reply {
        self.framing = framing;
        self
    }

    /// Says an interim head (103, 102) first.
    #[must_use]
    pub fn after_interim(mut self, status: u16) -> Reply {
        self.interim.push(status);
        self
    }

    /// Thinks that long before the head.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Reply {
        self.head_delay.push(Piece::Wait(delay));
        self
    }

    /// Holds the head back until the gate opens.
    #[must_use]
    pub fn after_gate(mut self, gate: &Gate) -> Reply {
        self.head_delay.push(Piece::Gate(gate.clone()));
        self
    }

    /// Waits that long before every piece but the first.
    #[must_use]
    pub fn paced(mut self, pause: Duration) -> Reply {
        let mut paced = Vec::with_capacity(self.pieces.len() * 2);
        for piece in self.pieces {
            if !paced.is_empty() {
                paced.push(Piece::Wait(pause));
            }
            paced.push(piece);
        }
        self.pieces = paced;
        self
    }

    /// Puts a closed gate in front of the piece with that index (counting only bytes).
    #[must_use]
    pub fn gated_at(mut self, index: usize, gate: &Gate) -> Reply {
        let at = self
            .pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| matches!(piece, Piece::Bytes(_)))
            .map(|(at, _)| at)
            .nth(index)
            .unwrap_or(self.pieces.len());
        self.pieces.insert(at, Piece::Gate(gate.clone()));
        self
    }

    /// Cuts the body into writes of `size` bytes, whatever its events are.
    #[must_use]
    pub fn in_bites(mut self, size: usize) -> Reply {
        let body = self.whole_body();
        self.pieces = body
            .chunks(size.max(1))
            .map(|bite| Piece::Bytes(Bytes::copy_from_slice(bite)))
            .collect();
        self
    }

    /// Breaks the connection after that many bytes of the body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize, cut: Cut) -> Reply {
        // The head still promises the whole body.
        if self.framing == Framing::Length {
            let length = self.whole_body().len().to_string();
            self = self.header("content-length", &length);
        }
        let mut left = bytes;
        let mut kept = Vec::new();
        for piece in std::mem::take(&mut self.pieces) {
            let Piece::Bytes(bytes) = piece else {
                kept.push(piece);
                continue;
            };
            kept.push(Piece::Bytes(bytes.slice(..bytes.len().min(left))));
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
        }
        self.pieces = kept;
        self.end = End::Cut(cut);
        self
    }

    /// Breaks the connection after that many pieces.
    #[must_use]
    pub fn cut_after_pieces(self, pieces: usize, cut: Cut) -> Reply {
        let bytes = self.byte_pieces().take(pieces).map(Bytes::len).sum();
        self.cut_after(bytes, cut)
    }

    /// Says that many pieces, then nothing more, forever.
    #[must_use]
    pub fn stalled_after_pieces(self, pieces: usize) -> Reply {
        let mut reply = self.cut_after_pieces(pieces, Cut::Fin);
        reply.end = End::Stall;
        reply
    }

    /// Closes the connection after a complete answer that did not announce it.
    #[must_use]
    pub fn then_close(mut self) -> Reply {
        self.end = End::CleanThenClose;
        self
    }

    /// Answers without reading the request's body.
    #[must_use]
    pub fn without_reading(mut self) -> Reply {
        self.reads_body = false;
        self
    }

    /// Every byte of the body, pauses left out.
    pub fn whole_body(&self) -> Vec<u8> {
        self.byte_pieces().flatten().copied().collect()
    }

    fn byte_pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Bytes(bytes) => Some(bytes),
            Piece::Wait(_) | Piece::Gate(_) => None,
        })
    }
}
