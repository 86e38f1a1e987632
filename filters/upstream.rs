//! One attempt on the wire: connection, request, the answer's head.

use std::time::{Duration, Instant};

use pingora::http::ResponseHeader;
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::time::timeout;

use crate::attempt::{self, Attempt};
use crate::ctx::Ctx;
use crate::failover::Happened;
use crate::shared::Shared;
use crate::show::{Ended, Showing};

/// Bytes of an upstream's error body that are read.
const MAX_ERROR_BODY: usize = 64 * 1024;
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
    let connected = shared.upstreams.get_http_session(&*attempt.peer);
    let (mut upstream, reused) = while_client_stays(session, connected)
        .await?
        .map_err(|error| Happened::NoConnection(error.to_string()))?;
    let timeouts = attempt.channel().timeouts;
    let deadline = Instant::now() + timeouts.first_byte;
    let outcome = async {
        send(session, ctx, attempt, &mut upstream, reused).await?;
        receive(
            shared,
            session,
            ctx,
            attempt,
            &mut upstream,
            deadline,
            reused,
        )
        .await
    }
    .await;
    match outcome {
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
        .release_http_session(upstream, &*attempt.peer, idle)
        .await;
}

async fn send(
    session: &mut Session,
    ctx: &mut Ctx,
    attempt: &Attempt,
    upstream: &mut Upstream,
    reused: bool,
) -> Result<(), Stop> {
    let timeouts = attempt.channel().timeouts;
    upstream.set_write_timeout(Some(timeouts.first_byte));
    upstream.set_read_timeout(None);
    let http2 = matches!(upstream, Upstream::H2(_));
    let Some(exchange) = ctx.exchange() else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let Some(asked) = &exchange.asked else {
        return Err(Happened::Unreadable("no request".into()).into());
    };
    let head = attempt
        .head(asked, exchange.operation, http2)
        .map_err(|error| Happened::NoConnection(format!("request head: {error}")))?;
    exchange.under_way = true;
    if exchange.overhead.is_zero() {
        exchange.overhead = exchange.arrived.elapsed();
    }
    let body = attempt.body.clone();
    let sending = async {
        upstream.write_request_header(Box::new(head)).await?;
        upstream.write_request_body(body, true).await?;
        upstream.finish_request_body().await
    };
    match while_client_stays(session, sending).await? {
        Ok(()) => Ok(()),
        // An upstream may refuse a body it has not read to its end: look for its answer
        // before the broken pipe counts (RFC 9112, 9.5).
        Err(error) if !reused && matches!(error.etype(), ErrorType::WriteError) => Ok(()),
        Err(error) => Err(broken(reused, &error).into()),
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
    let head = read_head(session, upstream, deadline, reused).await?;
    let status = attempt.judged(head.status.as_u16());
    if !(200..300).contains(&status) {
        return Err(error_status(session, attempt, upstream, &head, status)
            .await?
            .into());
    }
    Showing::new(ctx, attempt, head)?
        .pump(shared, session, ctx, attempt, upstream, deadline, reused)
        .await
}

async fn read_head(
    session: &mut Session,
    upstream: &mut Upstream,
    deadline: Instant,
    reused: bool,
) -> Result<ResponseHeader, Stop> {
    for _ in 0..MAX_INTERIM_HEADS {
        let reading = tokio::time::timeout_at(deadline.into(), upstream.read_response_header());
        match while_client_stays(session, reading).await? {
            Err(_) => return Err(Happened::TimedOut.into()),
            Ok(Err(error)) => return Err(broken(reused, &error).into()),
            Ok(Ok(())) => {}
        }
        let Some(head) = upstream.response_header() else {
            break;
        };
        if !head.status.is_informational() {
            return Ok(head.clone());
        }
    }
    Err(Happened::Unreadable("only informational heads came".into()).into())
}

/// Reads what the upstream says about its error status.
async fn error_status(
    session: &mut Session,
    attempt: &Attempt,
    upstream: &mut Upstream,
    head: &ResponseHeader,
    status: u16,
) -> Result<Happened, Stop> {
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
    let _ = while_client_stays(session, reading).await?;
    body.truncate(MAX_ERROR_BODY);
    tracing::debug!(
        channel = &*attempt.channel().name,
        status,
        "upstream said an error"
    );
    Ok(Happened::Status {
        status,
        fault: llm::fault::read(status, &body),
        retry_after: attempt::retry_after(&head.headers),
    })
}

/// Waits for `work` while the client's connection stands.
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
