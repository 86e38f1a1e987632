//! The upstream's HTTP/2: the same scripts, with streams reset instead of sockets.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};

use super::http1::Wire;
use super::{Seen, Stage};
use crate::reply::{End, Piece, Reply};

/// Serves one connection to its end.
pub(crate) async fn serve<W: Wire + 'static>(wire: W, number: usize, stage: Arc<Stage>) {
    let Ok(mut connection) = h2::server::handshake(wire).await else {
        return;
    };
    let mut streams = tokio::task::JoinSet::new();
    let mut nth = 0;
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams.spawn(exchange(
            request,
            respond,
            (number, nth),
            Arc::clone(&stage),
        ));
        nth += 1;
    }
}

async fn exchange(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    (connection, nth): (usize, usize),
    stage: Arc<Stage>,
) {
    let (head, body) = request.into_parts();
    let mut seen = seen(&head, connection, nth);
    let early = stage.early_reply();
    if early.is_none() {
        let Ok(bytes) = collect(body).await else {
            return;
        };
        seen.body = bytes;
    }
    let reply = stage.reply_to(seen, early);
    if say(&reply, &mut respond).await.is_err() {
        stage.peer_left();
    }
}

fn seen(head: &http::request::Parts, connection: usize, nth: usize) -> Seen {
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    });
    let target = head.uri.path_and_query().map(ToString::to_string);
    Seen {
        connection,
        nth,
        version: "HTTP/2.0".to_owned(),
        method: head.method.to_string(),
        target: target.unwrap_or_default(),
        headers: headers.collect(),
        body: Bytes::new(),
        at: Instant::now(),
    }
}

async fn collect(mut body: RecvStream) -> Result<Bytes, h2::Error> {
    let mut all = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

async fn say(reply: &Reply, respond: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
    for piece in &reply.head_delay {
        pause(piece).await;
    }
    if reply.says_nothing {
        return finish_unsaid(reply, respond).await;
    }
    let mut head = http::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        head = head.header(name.to_ascii_lowercase(), value);
    }
    let head = head.body(()).expect("scripts have valid heads");
    let mut stream = respond.send_response(head, false)?;
    for piece in &reply.pieces {
        match piece {
            Piece::Bytes(bytes) => send(&mut stream, bytes.clone()).await?,
            other => tokio::select! {
                () = pause(other) => {}
                gone = std::future::poll_fn(|context| stream.poll_reset(context)) => {
                    gone?;
                    return Err(Reason::CANCEL.into());
                }
            },
        }
    }
    match reply.end {
        End::Clean | End::CleanThenClose => stream.send_data(Bytes::new(), true),
        End::Cut(_) => {
            stream.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
        End::Stall => {
            std::future::poll_fn(|context| stream.poll_reset(context)).await?;
            Err(Reason::CANCEL.into())
        }
    }
}

async fn finish_unsaid(reply: &Reply, respond: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
    if reply.end == End::Stall {
        std::future::poll_fn(|context| respond.poll_reset(context)).await?;
        return Err(Reason::CANCEL.into());
    }
    respond.send_reset(Reason::INTERNAL_ERROR);
    Ok(())
}

async fn pause(piece: &Piece) {
    match piece {
        Piece::Wait(pause) => tokio::time::sleep(*pause).await,
        Piece::Gate(gate) => gate.passed().await,
        Piece::Bytes(_) => {}
    }
}

async fn send(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let Some(room) = std::future::poll_fn(|context| stream.poll_capacity(context)).await else {
            return Err(Reason::CANCEL.into());
        };
        let room = room?.min(bytes.len());
        stream.send_data(bytes.split_to(room), false)?;
    }
    Ok(())
}
