//! What the gateway leans on in Pingora and no documentation promises. When an upgrade of
//! Pingora breaks one of these, the code named in its message must be looked at first.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use pingora::ErrorType;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An upstream that serves each connection with `serve`.
async fn upstream<F, S>(serve: S) -> SocketAddr
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

async fn answering(mut stream: TcpStream) {
    while read_head(&mut stream).await {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

async fn ask(session: &mut HttpSession) -> pingora::Result<u16> {
    let mut head = RequestHeader::build("GET", b"/", None)?;
    head.insert_header("host", "upstream")?;
    session.write_request_header(Box::new(head)).await?;
    session.finish_request_body().await?;
    session.read_response_header().await?;
    let status = session.response_header().unwrap().status.as_u16();
    while session.read_response_body().await?.is_some() {}
    Ok(status)
}

async fn finish(connector: &Connector, mut session: HttpSession, peer: &HttpPeer) {
    if let HttpSession::H1(h1) = &mut session {
        h1.respect_keepalive();
    }
    connector.release_http_session(session, peer, None).await;
}

fn peer(address: SocketAddr) -> HttpPeer {
    HttpPeer::new(address, false, String::new())
}

#[tokio::test]
async fn a_released_connection_is_used_again_and_says_so() {
    let connector = Connector::new(None);
    let peer = peer(upstream(answering).await);
    let (mut first, reused) = connector.get_http_session(&peer).await.unwrap();
    assert!(!reused);
    assert_eq!(ask(&mut first).await.unwrap(), 200);
    finish(&connector, first, &peer).await;
    let (mut second, reused) = connector.get_http_session(&peer).await.unwrap();
    assert!(reused, "upstream.rs counts on the pool and on this flag");
    assert_eq!(ask(&mut second).await.unwrap(), 200);
}

#[tokio::test]
async fn another_group_never_gets_a_pooled_connection() {
    let connector = Connector::new(None);
    let mut peer = peer(upstream(answering).await);
    let (mut first, _) = connector.get_http_session(&peer).await.unwrap();
    ask(&mut first).await.unwrap();
    finish(&connector, first, &peer).await;
    peer.group_key = 7;
    let (_, reused) = connector.get_http_session(&peer).await.unwrap();
    assert!(!reused, "attempt.rs renews a dead connection by its group");
}

#[tokio::test]
async fn a_cut_body_is_an_error_and_a_whole_one_is_none() {
    let cut = |head: &'static [u8]| {
        move |mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(head).await;
        }
    };
    let heads: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for head in heads {
        let connector = Connector::new(None);
        let peer = peer(upstream(cut(head)).await);
        let (mut session, _) = connector.get_http_session(&peer).await.unwrap();
        let outcome = ask(&mut session).await;
        assert!(outcome.is_err(), "show.rs tells a cut from an end by it");
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_head_is_an_error_not_an_empty_answer() {
    let closing = |mut stream: TcpStream| async move {
        read_head(&mut stream).await;
    };
    let connector = Connector::new(None);
    let peer = peer(upstream(closing).await);
    let (mut session, _) = connector.get_http_session(&peer).await.unwrap();
    let error = ask(&mut session).await.unwrap_err();
    assert_eq!(*error.etype(), ErrorType::ConnectionClosed, "{error}");
}

#[tokio::test]
async fn reading_a_body_may_be_given_up_and_taken_up_again() {
    let slow = |mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc";
        let _ = stream.write_all(head).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let _ = stream.write_all(b"def").await;
    };
    let connector = Connector::new(None);
    let peer = peer(upstream(slow).await);
    let (mut session, _) = connector.get_http_session(&peer).await.unwrap();
    let mut head = RequestHeader::build("GET", b"/", None).unwrap();
    head.insert_header("host", "upstream").unwrap();
    session.write_request_header(Box::new(head)).await.unwrap();
    session.finish_request_body().await.unwrap();
    session.read_response_header().await.unwrap();
    let mut got = Vec::new();
    for _ in 0..200 {
        let limit = std::time::Duration::from_millis(20);
        match tokio::time::timeout(limit, session.read_response_body()).await {
            Err(_) => {} // dropped in the middle, as `while_client_stays` does
            Ok(read) => match read.unwrap() {
                Some(chunk) => got.extend_from_slice(&chunk),
                None => break,
            },
        }
    }
    assert_eq!(got, b"abcdef", "no byte is lost to a dropped read");
}

#[tokio::test]
async fn interim_heads_come_one_by_one() {
    let early = |mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let answer =
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    };
    let connector = Connector::new(None);
    let peer = peer(upstream(early).await);
    let (mut session, _) = connector.get_http_session(&peer).await.unwrap();
    let mut head = RequestHeader::build("GET", b"/", None).unwrap();
    head.insert_header("host", "upstream").unwrap();
    session.write_request_header(Box::new(head)).await.unwrap();
    session.finish_request_body().await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        session.read_response_header().await.unwrap();
        statuses.push(session.response_header().unwrap().status.as_u16());
    }
    assert_eq!(statuses, [103, 200], "upstream.rs skips the interim head");
}
