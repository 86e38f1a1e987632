//! The intake: endpoint, key, body, route; then the answer is conducted, or given right here.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use ledger::End;
use ledger::limit::Standing;
use llm::ask::{self, Ask, BadAsk};
use llm::tap::Framing;
use llm::{Format, Operation};
use pingora::proxy::Session;

use crate::body::{self, NoBody};
use crate::budget::{self, Held};
use crate::conduct::{self, Conducted};
use crate::ctx::{Ctx, Stage};
use crate::endpoint::{self, Endpoint, ModelEndpoint};
use crate::exchange::{Asked, Exchange};
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::{answer, auth, hold, limit, local, query, route, settle};

/// Client headers that travel on to the upstream (contract section 3).
const FORWARDED: [&str; 5] = [
    "user-agent",
    "accept",
    "content-type",
    "traceparent",
    "tracestate",
];
const FORWARDED_PREFIXES: [&str; 3] = ["anthropic-", "openai-", "x-stainless-"];
/// Time in which the rest of a refused request's body may still come.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);
/// Longest client request id kept, in bytes.
const MAX_CLIENT_ID: usize = 128;

type Failed = Box<pingora::Error>;

/// Takes the request in and answers it. `true`: answered.
pub(crate) async fn filter(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool, Failed> {
    // A second request on the same connection waits its turn instead of looking like a
    // client that left (RFC 9112, 9.3.2).
    session.as_mut().set_pipelining_enabled(true);
    // A client that stops reading, or does not end the body of a refused request, is cut off.
    let idle = ctx.snapshot.gateway.timeouts.idle;
    session.as_mut().set_write_timeout(Some(idle));
    session.as_mut().set_total_drain_timeout(Some(DRAIN));
    ctx.client = auth::client_address(
        session
            .client_addr()
            .and_then(|addr| addr.as_inet())
            .copied(),
        &session.req_header().headers,
        &ctx.snapshot.gateway.trusted_proxies,
    );
    let request = session.req_header();
    let path = request.uri.path().to_string();
    let headers = &request.headers;
    ctx.format = endpoint::guess_format(
        &path,
        headers.contains_key("anthropic-version"),
        headers.contains_key("x-goog-api-key"),
    );
    match Endpoint::of(&request.method, &path) {
        Endpoint::Model(endpoint) => model(shared, session, ctx, endpoint).await,
        other => {
            ctx.stage = Stage::Local;
            local::answer(shared, session, ctx, other).await?;
            Ok(true)
        }
    }
}

async fn model(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: ModelEndpoint,
) -> Result<bool, Failed> {
    ctx.format = endpoint.format;
    let exchange = match admit(shared, session, ctx, &endpoint) {
        Ok(exchange) => exchange,
        Err(refusal) => {
            shared.metrics.refused(refusal.reason());
            body::discard_small(session).await;
            answer::refusal(ctx, session, &refusal, None).await?;
            ctx.stage = Stage::Refused(refusal);
            return Ok(true);
        }
    };
    ctx.stage = Stage::Exchange(Box::new(exchange));
    let refusal = match prepare(shared, session, ctx, endpoint).await {
        Ok(()) => match conduct_while_running(shared, session, ctx).await {
            Conducted::Shown => return Ok(true),
            Conducted::Broken(error) => return Err(error),
            Conducted::Refused(refusal) => refusal,
        },
        Err(NoBody::Refused(refusal)) => refusal,
        Err(NoBody::Gone(error)) => {
            settle::close(shared, ctx, 499, End::ClientGone, None).await;
            return Err(error);
        }
    };
    refuse(shared, session, ctx, &refusal).await?;
    Ok(true)
}

/// Conducts until the process must end.
async fn conduct_while_running(shared: &Shared, session: &mut Session, ctx: &mut Ctx) -> Conducted {
    tokio::select! {
        biased;
        // Boxed: the future is large, and every layer above it would copy it.
        done = Box::pin(conduct::conduct(shared, session, ctx)) => return done,
        () = shared.cut() => {}
    }
    let status = session
        .response_written()
        .map_or(503, |head| head.status.as_u16());
    settle::close(shared, ctx, status, End::GatewayLost, None).await;
    Conducted::Broken(pingora::Error::explain(
        pingora::ErrorType::ConnectionClosed,
        "the gateway ends",
    ))
}

/// Tells a refusal to an authenticated caller and writes its record.
async fn refuse(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    refusal: &Refusal,
) -> Result<(), Failed> {
    shared.metrics.refused(refusal.reason());
    let reached = ctx
        .exchange()
        .is_some_and(|exchange| exchange.attempts() > 0);
    if let Some(exchange) = ctx.exchange() {
        exchange.error = Some(refusal.message.clone());
        exchange.under_way = false;
    }
    let end = match (refusal.cause, reached) {
        (
            Cause::RateLimited
            | Cause::UpstreamRefused(_)
            | Cause::UpstreamFailed
            | Cause::UpstreamBusy
            | Cause::Timeout,
            true,
        ) => End::UpstreamError,
        _ => End::Refused,
    };
    let status = refusal.status(ctx.format);
    settle::close(shared, ctx, status, end, None).await;
    answer::refusal(ctx, session, refusal, None).await
}

/// Who calls, and whether there is room to remember it: from here on there will be a record.
fn admit(
    shared: &Shared,
    session: &Session,
    ctx: &Ctx,
    endpoint: &ModelEndpoint,
) -> Result<Exchange, Refusal> {
    let request = session.req_header();
    let key = auth::key(&request.headers, request.uri.query().unwrap_or(""));
    let directory = shared.live.directory();
    let caller = auth::caller(
        &ctx.snapshot,
        &directory,
        key.as_deref(),
        ctx.client,
        ctx.at,
    )?;
    let slot = shared.writer.reserve().ok_or_else(|| {
        Refusal::new(
            Cause::Unavailable,
            "the gateway cannot write its records fast enough; try again in a moment",
        )
        .after(std::time::Duration::from_secs(2))
    })?;
    Ok(Exchange {
        id: Arc::clone(&ctx.id),
        arrived: ctx.arrived,
        at: ctx.at,
        snapshot: Arc::clone(&ctx.snapshot),
        token: caller.token,
        user: caller.user,
        client_request_id: client_request_id(&request.headers),
        format: endpoint.format,
        operation: endpoint.operation,
        slot: Some(slot),
        asked: None,
        route: None,
        reply: None,
        refused_as: None,
        under_way: false,
        dropped: Vec::new(),
        permit: None,
        held: Held::default(),
        standing: Standing::default(),
        error: None,
        overhead: std::time::Duration::ZERO,
        counted: None,
        closed: None,
    })
}

/// Reads, understands and routes the request.
async fn prepare(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: ModelEndpoint,
) -> Result<(), NoBody> {
    let body = body::read(session, ctx.snapshot.gateway.max_body).await?;
    let (format, operation) = (endpoint.format, endpoint.operation);
    let (ask, body) = understand(&endpoint, body)
        .map_err(|bad| Refusal::new(Cause::Malformed, bad.to_string()).at(bad.param()))?;
    let request = session.req_header();
    let raw_query = request.uri.query().unwrap_or("");
    let asked = Asked {
        framing: framing(format, operation, ask.stream, raw_query),
        query: query::forwarded(raw_query),
        headers: forwarded(&request.headers),
        ask,
        body,
    };
    let snapshot = Arc::clone(&ctx.snapshot);
    let Some(exchange) = ctx.exchange() else {
        return Err(Refusal::new(Cause::Malformed, "no request").into());
    };
    exchange.asked = Some(asked);
    exchange.route = Some(route::of(&snapshot, exchange)?);
    limit::admit(shared, exchange).await?;
    budget::reserve(shared, exchange).await?;
    Ok(hold::place(exchange).await?)
}

/// Reads what the body asks for; a model in the path stands before one in the body.
fn understand(endpoint: &ModelEndpoint, body: Bytes) -> Result<(Ask, Bytes), BadAsk> {
    let read = |body: &Bytes| ask::read(endpoint.format, endpoint.operation, body);
    let (mut ask, body) = match (read(&body), &endpoint.model) {
        // Azure clients may leave the model to the path.
        (Err(BadAsk::Missing { field: "model", .. }), Some(model)) => {
            let body = with_model(&body, model);
            (read(&body)?, body)
        }
        (ask, _) => (ask?, body),
    };
    if let Some(model) = &endpoint.model {
        ask.model.clone_from(model);
    }
    ask.stream |= endpoint.stream;
    Ok((ask, body))
}

/// The object `body` with a `model` member first. `body` is known to be a JSON object.
fn with_model(body: &[u8], model: &str) -> Bytes {
    let open = body
        .iter()
        .position(|byte| *byte == b'{')
        .map_or(0, |at| at + 1);
    let rest = &body[open..];
    let empty = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    let name = serde_json::Value::from(model).to_string();
    let mut out = Vec::with_capacity(body.len() + name.len() + 10);
    out.extend_from_slice(b"{\"model\":");
    out.extend_from_slice(name.as_bytes());
    if !empty {
        out.push(b',');
    }
    out.extend_from_slice(rest);
    out.into()
}

fn framing(format: Format, operation: Operation, stream: bool, query: &str) -> Framing {
    match (operation, stream, format) {
        (Operation::Count, ..) | (_, false, _) => Framing::Whole,
        (_, true, Format::Gemini) if query::value(query, "alt").as_deref() != Some("sse") => {
            Framing::JsonArray
        }
        _ => Framing::Sse,
    }
}

fn forwarded(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let own = hop_by_hop(headers);
    let travels = |name: &str| {
        let known = FORWARDED.contains(&name)
            || FORWARDED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix));
        known && !own.iter().any(|hop| hop.eq_ignore_ascii_case(name))
    };
    headers
        .iter()
        .filter(|(name, _)| travels(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The headers that the client itself says are for this connection only (RFC 9110, 7.6.1).
fn hop_by_hop(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
}

/// A well-formed request id of the client's: visible ASCII, not too long.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "x-client-request-id"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .find(|id| {
            !id.is_empty() && id.len() <= MAX_CLIENT_ID && id.bytes().all(|b| b.is_ascii_graphic())
        })
        .map(str::to_string)
}
