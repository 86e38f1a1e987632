//! The upstream's HTTP/1.1, by hand, so that it can be got wrong on purpose.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Seen, Stage};
use crate::reply::{Cut, End, Framing, Piece, Reply};

/// A socket that can be reset.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP below.
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve<W: Wire>(wire: W, number: usize, stage: Arc<Stage>) {
    let mut talk = Talk {
        wire,
        read: BytesMut::new(),
    };
    for nth in 0.. {
        let Ok(Some(mut seen)) = talk.read_head(number, nth).await else {
            return;
        };
        let early = stage.early_reply();
        if early.is_none() {
            let Ok(body) = talk.read_body(&seen).await else {
                return;
            };
            seen.body = body;
        }
        let reply = stage.reply_to(seen, early);
        match talk.say(&reply).await {
            Ok(After::NextRequest) => {}
            Ok(After::Close) => return,
            Err(_) => return stage.peer_left(),
        }
    }
}

enum After {
    NextRequest,
    Close,
}

struct Talk<W> {
    wire: W,
    read: BytesMut,
}

impl<W: Wire> Talk<W> {
    async fn more(&mut self) -> io::Result<()> {
        match self.wire.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(end + 1);
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            self.more().await?;
        }
    }

    async fn read_head(&mut self, connection: usize, nth: usize) -> io::Result<Option<Seen>> {
        let start = self.line().await?;
        let mut words = start.splitn(3, ' ').map(str::to_owned);
        let (Some(method), Some(target), Some(version)) =
            (words.next(), words.next(), words.next())
        else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Some(Seen {
            connection,
            nth,
            version,
            method,
            target,
            headers,
            body: Bytes::new(),
            at: Instant::now(),
        }))
    }

    async fn read_body(&mut self, seen: &Seen) -> io::Result<Bytes> {
        let chunked = seen
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        if chunked {
            return self.read_chunks().await;
        }
        let length = seen.header("content-length").unwrap_or("0");
        let length = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        self.exactly(length).await
    }

    async fn read_chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let size = self.line().await?;
            let size = size.split(';').next().unwrap_or_default();
            let size =
                usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            body.extend_from_slice(&self.exactly(size).await?);
            self.line().await?;
            if size == 0 {
                return Ok(body.freeze());
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Bytes> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.split_to(length).freeze())
    }

    async fn say(&mut self, reply: &Reply) -> io::Result<After> {
        self.pauses(&reply.head_delay).await?;
        if !reply.says_nothing {
            for status in &reply.interim {
                self.write(format!("HTTP/1.1 {status} Interim\r\nx-interim: 1\r\n\r\n").as_bytes())
                    .await?;
            }
            match &reply.raw_head {
                Some(raw) => self.write(raw).await?,
                None => self.write(head(reply).as_bytes()).await?,
            }
            for piece in &reply.pieces {
                self.piece(piece, reply.framing).await?;
            }
        }
        self.finish(reply).await
    }

    async fn piece(&mut self, piece: &Piece, framing: Framing) -> io::Result<()> {
        let Piece::Bytes(bytes) = piece else {
            return self.pauses(std::slice::from_ref(piece)).await;
        };
        // An empty chunk would end the body.
        if bytes.is_empty() {
            return Ok(());
        }
        if framing != Framing::Chunked {
            return self.write(bytes).await;
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }

    async fn pauses(&mut self, pieces: &[Piece]) -> io::Result<()> {
        for piece in pieces {
            match piece {
                Piece::Wait(pause) => self.unless_gone(tokio::time::sleep(*pause)).await?,
                Piece::Gate(gate) => self.unless_gone(gate.passed()).await?,
                Piece::Bytes(_) => {}
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes).await?;
        self.wire.flush().await
    }

    async fn finish(&mut self, reply: &Reply) -> io::Result<After> {
        match reply.end {
            End::Stall => {
                self.unless_gone(std::future::pending::<()>()).await?;
                Ok(After::Close)
            }
            End::Cut(cut) => {
                if cut == Cut::Rst {
                    self.wire.tcp().set_zero_linger()?;
                }
                Ok(After::Close)
            }
            End::Clean | End::CleanThenClose => {
                if reply.framing == Framing::Chunked && reply.raw_head.is_none() {
                    self.write(b"0\r\n\r\n").await?;
                }
                let stays = reply.end == End::Clean
                    && reply.framing != Framing::UntilClose
                    && reply.reads_body;
                if stays {
                    return Ok(After::NextRequest);
                }
                self.wire.shutdown().await?;
                Ok(After::Close)
            }
        }
    }

    /// Waits for `event` and, meanwhile, for the peer to leave.
    async fn unless_gone(&mut self, event: impl Future<Output = ()>) -> io::Result<()> {
        tokio::pin!(event);
        loop {
            tokio::select! {
                () = &mut event => return Ok(()),
                // Bytes that come early belong to the next request.
                read = self.wire.read_buf(&mut self.read) => if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                },
            }
        }
    }
}

fn head(reply: &Reply) -> String {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let says_length = reply
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match reply.framing {
        Framing::Length if says_length => {}
        Framing::Length => {
            head.push_str(&format!("content-length: {}\r\n", reply.whole_body().len()));
        }
        Framing::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Framing::UntilClose => head.push_str("connection: close\r\n"),
    }
    head + "\r\n"
}
