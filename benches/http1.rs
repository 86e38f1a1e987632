//! As much HTTP/1.1 as a load generator needs: heads, and where a body ends.

/// Bytes of a complete head, blank line included; `None` while it is incomplete.
pub fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The trimmed value of the first header called `name`.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        if !key.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        std::str::from_utf8(value).ok().map(str::trim)
    })
}

/// The status of a response head; 0 when there is none.
pub fn status(head: &[u8]) -> u16 {
    head.get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

/// Finds the end of a body. A machine: push what was read, in any cut.
#[derive(Debug)]
pub enum Body {
    /// This many bytes are outstanding.
    Length(u64),
    /// RFC 9112 section 7.1.
    Chunked(Chunk),
    /// Ends with the connection.
    ToClose,
}

/// Where inside the chunked coding the next byte is.
#[derive(Debug)]
pub enum Chunk {
    /// In the hexadecimal size, this much of it known.
    Size(u64),
    /// In the rest of a size line (extensions and line end) of a chunk this long.
    SizeLine(u64),
    /// In a chunk, with this many bytes outstanding.
    Data(u64),
    /// In the line end after a chunk.
    DataLine,
    /// After the last chunk; how many bytes of the current trailer line were seen.
    Trailer(u64),
    /// Over.
    Done,
}

impl Body {
    /// What the head of a response says about its body.
    pub fn of(head: &[u8]) -> Body {
        if header(head, "transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
            return Body::Chunked(Chunk::Size(0));
        }
        match header(head, "content-length").and_then(|length| length.parse().ok()) {
            Some(length) => Body::Length(length),
            None => Body::ToClose,
        }
    }

    /// Takes the next bytes, hands the content among them to `content`, and says whether the
    /// body is complete.
    pub fn push(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> bool {
        match self {
            Body::Length(left) => {
                content(bytes);
                *left = left.saturating_sub(bytes.len() as u64);
                *left == 0
            }
            Body::Chunked(chunk) => chunk.push(bytes, content),
            Body::ToClose => {
                content(bytes);
                false
            }
        }
    }
}

impl Chunk {
    fn push(&mut self, mut bytes: &[u8], mut content: impl FnMut(&[u8])) -> bool {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let Chunk::Data(left) = *self {
                let (data, rest) = bytes.split_at(bytes.len().min(left as usize));
                content(data);
                bytes = rest;
                *self = match left - data.len() as u64 {
                    0 => Chunk::DataLine,
                    left => Chunk::Data(left),
                };
                continue;
            }
            bytes = rest;
            *self = self.after(byte);
        }
        matches!(self, Chunk::Done)
    }

    /// The place after a byte that is not content.
    fn after(&self, byte: u8) -> Chunk {
        match *self {
            Chunk::Size(size) => match (byte as char).to_digit(16) {
                Some(digit) => Chunk::Size(size.saturating_mul(16) + u64::from(digit)),
                None => Chunk::SizeLine(size),
            },
            Chunk::SizeLine(0) if byte == b'\n' => Chunk::Trailer(0),
            Chunk::SizeLine(size) if byte == b'\n' => Chunk::Data(size),
            Chunk::SizeLine(size) => Chunk::SizeLine(size),
            Chunk::Data(left) => Chunk::Data(left),
            Chunk::DataLine if byte == b'\n' => Chunk::Size(0),
            Chunk::DataLine => Chunk::DataLine,
            Chunk::Trailer(0 | 1) if byte == b'\n' => Chunk::Done,
            Chunk::Trailer(_) if byte == b'\n' => Chunk::Trailer(0),
            Chunk::Trailer(seen) => Chunk::Trailer(seen + 1),
            Chunk::Done => Chunk::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 429 Slow\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";

    #[test]
    fn a_head_is_read_only_when_it_is_complete() {
        assert_eq!(head_len(HEAD), Some(HEAD.len()));
        assert_eq!(head_len(&HEAD[..HEAD.len() - 1]), None);
        assert_eq!(status(HEAD), 429);
        assert_eq!(header(HEAD, "x"), Some("y"));
        assert_eq!(header(HEAD, "content-length"), None);
    }

    #[test]
    fn a_chunked_body_ends_at_the_same_byte_in_every_cut() {
        let wire = b"5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nt: 1\r\n\r\n";
        for cut in 1..wire.len() {
            let (mut body, mut text) = (Body::of(HEAD), Vec::new());
            let mut push = |wire| body.push(wire, |data| text.extend_from_slice(data));
            assert!(!push(&wire[..cut]), "complete after {cut} bytes");
            assert!(push(&wire[cut..]), "incomplete when cut at {cut}");
            assert_eq!(text, b"hello0123456789abcdef", "cut at {cut}");
        }
    }

    #[test]
    fn a_declared_length_is_counted_down() {
        let mut body = Body::of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        assert!(!body.push(b"hell", |_| ()));
        assert!(body.push(b"o", |_| ()));
    }
}
