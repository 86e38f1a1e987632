//! The mock upstream: answers by script, one thread per connection, as little work as possible.
//!
//! It prints `listening 127.0.0.1:PORT` and runs until it is ended.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use benches::clock::{now_ns, sleep_precisely, sleep_until};
use benches::http1;
use benches::payload::{ChatStream, MessagesStream, REPLY_BYTES, chat_reply, messages_reply};
use benches::script::{Script, Upstream};
use clap::Parser;

/// A thread needs little stack; a thousand of them hold a thousand open streams.
const STACK_BYTES: usize = 128 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;
/// An open stream that nobody ends is dropped after this.
const HOLD_LIMIT: Duration = Duration::from_secs(300);

const JSON_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_7d0d3f4c8a\r\nopenai-processing-ms: 1\r\nContent-Length: ";
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_7d0d3f4c8a\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
const LAST_CHUNK: &str = "0\r\n\r\n";
/// Requests that are answered as Anthropic does; all others as OpenAI does.
const MESSAGES_START: &[u8] = b"POST /v1/messages ";

/// The mock upstream of the load harness: listens on a free port, says which, runs until ended.
#[derive(Parser)]
struct Args {}

fn main() -> io::Result<()> {
    // Nothing to set; but `--help` shall not start a server.
    Args::parse();
    sleep_precisely();
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    // Through a handle and not `println!`: the harness waits for this line.
    writeln!(io::stdout(), "listening {}", listener.local_addr()?)?;
    for connection in listener.incoming() {
        let connection = connection?;
        // A connection that breaks ends its thread; the harness counts what it misses.
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || serve(connection))?;
    }
    Ok(())
}

/// Answers requests until the other side closes.
fn serve(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let Some((speaks, script)) = read_request(&mut connection, &mut buffer)? else {
            return Ok(());
        };
        match script {
            Script::Whole => whole(&mut connection, speaks)?,
            Script::Stream { chunks, gap } => stream(&mut connection, speaks, chunks, gap)?,
            Script::Hold { chunks } => return hold(&mut connection, speaks, chunks),
        }
    }
}

/// Reads one request and drops its body; `None` when there is no further one or no script in it.
fn read_request(
    connection: &mut TcpStream,
    buffer: &mut [u8],
) -> io::Result<Option<(Upstream, Script)>> {
    let mut filled = 0;
    let head_len = loop {
        let read = connection.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(None);
        }
        filled += read;
        if let Some(len) = http1::head_len(&buffer[..filled]) {
            break len;
        }
    };
    let length: usize = http1::header(&buffer[..head_len], "content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let first = (head_len + length).min(buffer.len());
    while filled < first {
        match connection.read(&mut buffer[filled..first])? {
            0 => return Ok(None),
            read => filled += read,
        }
    }
    let script = Script::asked_by(&buffer[head_len..first]);
    let speaks = match buffer.starts_with(MESSAGES_START) {
        true => Upstream::Messages,
        false => Upstream::Chat,
    };
    let mut left = head_len + length - first;
    while left > 0 {
        let want = left.min(buffer.len());
        match connection.read(&mut buffer[..want])? {
            0 => return Ok(None),
            read => left -= read,
        }
    }
    Ok(script.map(|script| (speaks, script)))
}

fn whole(connection: &mut TcpStream, speaks: Upstream) -> io::Result<()> {
    let body = match speaks {
        Upstream::Chat => chat_reply("bench", REPLY_BYTES),
        Upstream::Messages => messages_reply("bench", REPLY_BYTES),
    };
    connection.write_all(format!("{JSON_HEAD}{}\r\n\r\n{body}", body.len()).as_bytes())
}

/// The events of a stream, as chunks of the chunked coding.
enum Events {
    Chat(ChatStream),
    Messages(MessagesStream),
}

impl Events {
    fn of(speaks: Upstream) -> Events {
        match speaks {
            Upstream::Chat => Events::Chat(ChatStream::new("bench")),
            Upstream::Messages => Events::Messages(MessagesStream::new("bench")),
        }
    }

    fn open(&self) -> String {
        chunk(&match self {
            Events::Chat(stream) => stream.role(),
            Events::Messages(stream) => stream.open(),
        })
    }

    fn content(&self) -> String {
        let now = now_ns();
        chunk(&match self {
            Events::Chat(stream) => stream.content(now),
            Events::Messages(stream) => stream.content(now),
        })
    }

    fn close(&self, chunks: usize) -> String {
        let close = match self {
            Events::Chat(stream) => stream.close(chunks),
            Events::Messages(stream) => stream.close(chunks),
        };
        chunk(&close) + LAST_CHUNK
    }
}

fn stream(
    connection: &mut TcpStream,
    speaks: Upstream,
    chunks: usize,
    gap: Duration,
) -> io::Result<()> {
    let events = Events::of(speaks);
    let start = STREAM_HEAD.to_owned() + &events.open();
    if gap.is_zero() {
        let content = events.content().repeat(chunks);
        return connection.write_all((start + &content + &events.close(chunks)).as_bytes());
    }
    connection.write_all(start.as_bytes())?;
    let mut at = now_ns();
    for _ in 0..chunks {
        at += gap.as_nanos() as u64;
        sleep_until(at);
        connection.write_all(events.content().as_bytes())?;
    }
    connection.write_all(events.close(chunks).as_bytes())
}

/// Keeps the stream open until the other side goes away.
fn hold(connection: &mut TcpStream, speaks: Upstream, chunks: usize) -> io::Result<()> {
    let events = Events::of(speaks);
    let start = STREAM_HEAD.to_owned() + &events.open();
    connection.write_all(start.as_bytes())?;
    for _ in 0..chunks {
        connection.write_all(events.content().as_bytes())?;
    }
    connection.set_read_timeout(Some(HOLD_LIMIT))?;
    connection.read(&mut [0]).map(drop)
}

/// One chunk of the chunked coding.
fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}
