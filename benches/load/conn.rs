//! One client connection: sends prepared requests, reads answers to their last byte.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use benches::clock::now_ns;
use benches::http1::{self, Body};

const BUFFER_BYTES: usize = 64 * 1024;
/// No answer of a healthy run is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is opened again whenever the other side closed it.
pub(crate) struct Conn {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When the first byte of the body (of the head, if there is no body) was read.
    pub(crate) first_byte_ns: u64,
}

impl Conn {
    pub(crate) fn to(address: SocketAddr) -> Conn {
        Conn {
            address,
            stream: None,
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    /// Sends `request` and reads the answer; `watch` sees its content piece by piece.
    pub(crate) fn exchange(
        &mut self,
        request: &[u8],
        mut watch: impl FnMut(&[u8]),
    ) -> io::Result<Answer> {
        self.exchange_until(request, |piece| {
            watch(piece);
            false
        })
    }

    /// The same, but leaves the answer open where it is as soon as `enough` was seen.
    pub(crate) fn exchange_until(
        &mut self,
        request: &[u8],
        mut enough: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.address)?,
        };
        stream.write_all(request)?;
        let (head_len, mut filled) = self.read_head(&mut stream)?;
        let head = &self.buffer[..head_len];
        let status = http1::status(head);
        let closes = http1::header(head, "connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let mut body = Body::of(head);
        let mut from = head_len;
        let mut first_byte_ns = now_ns();
        let mut begun = filled > head_len;
        let mut stop = false;
        while !body.push(&self.buffer[from..filled], |piece| stop |= enough(piece)) && !stop {
            from = 0;
            filled = stream.read(&mut self.buffer)?;
            if filled == 0 {
                match body {
                    Body::ToClose => break,
                    _ => return Err(ErrorKind::UnexpectedEof.into()),
                }
            }
            if !begun {
                begun = true;
                first_byte_ns = now_ns();
            }
        }
        if !closes && !matches!(body, Body::ToClose) {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status,
            first_byte_ns,
        })
    }

    /// Reads until the head is complete: its length, and the bytes read so far.
    fn read_head(&mut self, stream: &mut TcpStream) -> io::Result<(usize, usize)> {
        let mut filled = 0;
        loop {
            match stream.read(&mut self.buffer[filled..])? {
                0 => return Err(Error::new(ErrorKind::UnexpectedEof, "no answer")),
                read => filled += read,
            }
            if let Some(head_len) = http1::head_len(&self.buffer[..filled]) {
                return Ok((head_len, filled));
            }
        }
    }
}

/// A connection with the options every client library sets.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
