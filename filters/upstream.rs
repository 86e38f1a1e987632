//! One attempt on the wire: connection, request, the answer's head.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use pingora::protocols::Stream;
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::protocols::http::v1::client::HttpSession as Http1;
use pingora::proxy::Session;
// Not tokio's: a timer that ends before all others makes tokio wake its own driver, which is a
// write and a wakeup per request. Pingora's are rounded up to 10 ms and need neither.
use pingora::time::timeout;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::io::AsyncWriteExt;

use crate::answer;
use crate::attempt::{self, Attempt};
use crate::ctx::Ctx;
use crate::failover::Happened;
use crate::shared::Shared;
use crate::show::{Ended, Showing};

/// Bytes of an upstream's error body that are read.
pub(crate) const MAX_ERROR_BODY: usize = 64 * 1024;
/// Time to read an upstream's error body in.
const ERROR_BODY_LIMIT: Duration = Duration::from_secs(5);
/// Informational heads (1xx) that an upstream may send before the real one.
const MAX_INTERIM_HEADS: usize = 8;

/// Why an attempt gave no answer.
pub(crate) enum Stop {
    Happened(Happened),
    ClientGone(Box<Error>),
    /// The answer had begun.
    Broken(Box<Error>),
}

impl From<Happened> for Stop {
    fn from(happened: Happened) -> Stop {
        Stop::Happened(happened)
    }
}

/// One attempt, from the connection to the end of the shown answer.
pub(crate) async fn run(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &mut Attempt,
) -> Result<(), Stop> {
    let connecting = shared.upstreams.get(&attempt.peer);
    let (upstream, reused) = while_client_stays(session, pin!(connecting))
        .await?
        .map_err(|error| Happened::NoConnection(error.to_string()))?;
    let deadline = Instant::now() + attempt.channel().timeouts.first_byte;
    let mut upstream = send(session, ctx, attempt, upstream, reused).await?;
    let received = receive(
        shared,
        session,
        ctx,
        attempt,
        &mut upstream,
        deadline,
        reused,
    )
    .await;
    match received {
        Ok(Ended::Properly) => {
            // Before the client sees the end: its next request finds the connection.
            release(shared, attempt, upstream).await;
            session
                .write_response_body(None, true)
                .await
                .map_err(|error| Stop::Broken(error.into_down()))
        }
        Ok(Ended::Cut) => {
            upstream.shutdown().await;
            Ok(())
        }
        Err(stop) => {
            // Abandoned in the middle: HTTP/1.1 closes, HTTP/2 resets the stream.
            upstream.shutdown().await;
            Err(stop)
        }
    }
}

async fn release(shared: &Shared, attempt: &Attempt, mut upstream: Upstream) {
    if attempt.fresh {
        return upstream.shutdown().await;
    }
    if let Upstream::H1(h1) = &mut upstream {
        h1.respect_keepalive();
    }
    let idle = attempt.peer.options.idle_timeout;
    shared
        .upstreams
        .release(upstream, &attempt.peer, idle)
        .await;
}

/// Sends head and body; gives the connection back for its answer to be read.
async fn send(
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &Attempt,
    upstream: Upstream,
    reused: bool,
) -> Result<Upstream, Stop> {
    let Some(exchange) = ctx.exchange() else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let Some(asked) = &exchange.asked else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let head = attempt.head(asked, exchange.operation);
    exchange.under_way = true;
    exchange.refused_as = None;
    if exchange.overhead.is_zero() {
        exchange.overhead = exchange.arrived.elapsed();
    }
    let unsendable = |error| Happened::NoConnection(format!("request head: {error}"));
    let limit = attempt.channel().timeouts.first_byte;
    let (upstream, sent) = match upstream {
        Upstream::H1(h1) => {
            let head = head.http1(&attempt.base).map_err(unsendable)?;
            // A session that has sent nothing is nothing but its connection.
            let mut stream = h1.into_inner();
            let sending = write_http1(&mut stream, head, attempt.body.clone(), limit);
            let sent = while_client_stays(session, pin!(sending)).await?;
            let h1 = Http1::new_with_options(stream, &*attempt.peer);
            (Upstream::H1(h1), sent)
        }
        mut other => {
            let head = head.http2(&attempt.base).map_err(unsendable)?;
            other.set_write_timeout(Some(limit));
            other.set_read_timeout(None);
            let sending = async {
                other.write_request_header(Box::new(head)).await?;
                other.write_request_body(attempt.body.clone(), true).await?;
                other.finish_request_body().await
            };
            let sent = while_client_stays(session, pin!(sending)).await;
            let sent = match sent {
                Ok(sent) => sent,
                Err(stop) => {
                    other.shutdown().await;
                    return Err(stop);
                }
            };
            (other, sent)
        }
    };
    match sent {
        Ok(()) => Ok(upstream),
        // An upstream may refuse a body it has not read to its end: look for its answer
        // before the broken pipe counts (RFC 9112, 9.5).
        Err(error) if !reused && matches!(error.etype(), ErrorType::WriteError) => Ok(upstream),
        Err(error) => Err(broken(reused, &error).into()),
    }
}

/// Head and body in one write. Pingora's session sends them apart: one more system call here,
/// and on the other side often one more read.
pub(crate) async fn write_http1(
    stream: &mut Stream,
    head: BytesMut,
    body: Bytes,
    limit: Duration,
) -> Result<(), Box<Error>> {
    let writing = async {
        stream.write_all_buf(&mut head.chain(body)).await?;
        stream.flush().await
    };
    match timeout(limit, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(cause)) => Error::e_because(ErrorType::WriteError, "sending the request", cause),
        Err(_) => Error::e_explain(ErrorType::WriteTimedout, "sending the request"),
    }
}

pub(crate) fn broken(reused: bool, error: &Error) -> Happened {
    if matches!(
        error.etype(),
        ErrorType::WriteTimedout | ErrorType::ReadTimedout
    ) {
        return Happened::TimedOut;
    }
    Happened::Broken {
        reused,
        detail: error.to_string(),
    }
}

async fn receive(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &mut Attempt,
    upstream: &mut Upstream,
    deadline: Instant,
    reused: bool,
) -> Result<Ended, Stop> {
    read_head(session, upstream, deadline, reused).await?;
    let Some(head) = upstream.response_header() else {
        return Err(Happened::Unreadable("no head came".into()).into());
    };
    let status = attempt.judged(head.status.as_u16());
    if !(200..300).contains(&status) {
        let id = answer::upstream_id(&head.headers);
        if let Some(exchange) = ctx.exchange() {
            exchange.refused_as = id;
        }
        return Err(error_status(session, attempt, upstream, status)
            .await?
            .into());
    }
    let showing = &mut Showing::new(ctx, attempt, head)?;
    showing
        .pump(shared, session, ctx, attempt, upstream, deadline, reused)
        .await
}

/// Reads up to the head that is the answer's own.
async fn read_head(
    session: &mut Session,
    upstream: &mut Upstream,
    deadline: Instant,
    reused: bool,
) -> Result<(), Stop> {
    for _ in 0..MAX_INTERIM_HEADS {
        let reading = timeout(left(deadline), upstream.read_response_header());
        let read = while_client_stays(session, pin!(reading)).await?;
        match read {
            Err(_) => return Err(Happened::TimedOut.into()),
            Ok(Err(error)) => return Err(broken(reused, &error).into()),
            Ok(Ok(())) => {}
        }
        match upstream.response_header() {
            Some(head) if head.status.is_informational() => {}
            Some(_) => return Ok(()),
            None => break,
        }
    }
    Err(Happened::Unreadable("only informational heads came".into()).into())
}

/// Time until `deadline`.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Reads what the upstream says about its error status.
async fn error_status(
    session: &mut Session,
    attempt: &Attempt,
    upstream: &mut Upstream,
    status: u16,
) -> Result<Happened, Stop> {
    let retry_after = upstream
        .response_header()
        .and_then(|head| attempt::retry_after(&head.headers));
    let mut body = Vec::new();
    let reading = timeout(ERROR_BODY_LIMIT, async {
        while let Ok(Some(chunk)) = upstream.read_response_body().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_ERROR_BODY {
                break;
            }
        }
    });
    // Cut, stalled or too long: what was read must do.
    let _ = while_client_stays(session, pin!(reading)).await?;
    body.truncate(MAX_ERROR_BODY);
    tracing::debug!(
        channel = &*attempt.channel().name,
        status,
        "upstream said an error"
    );
    let fault = llm::fault::read(status, &body);
    Ok(Happened::Status {
        status,
        retry_after: retry_after.or(fault.retry_after),
        fault: Box::new(fault),
    })
}

/// Waits for `work` while the client's connection stands. Pass large futures pinned: this one
/// holds what it is given.
pub(crate) async fn while_client_stays<T>(
    session: &mut Session,
    work: impl Future<Output = T>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        left = session.as_mut().read_body_or_idle(true) => {
            let error = match left {
                Err(error) => error,
                Ok(_) => Error::explain(ErrorType::ConnectionClosed, "the client sent more than its request"),
            };
            let mut error = error.into_down();
            error.esource = ErrorSource::Downstream;
            Err(Stop::ClientGone(error))
        }
    }
}
