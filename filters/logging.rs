//! The end of every request: what is still open is closed, and one access line says it all.

use pingora::proxy::Session;

use crate::ctx::{Ctx, Stage};
use crate::settle;
use crate::shared::Shared;

/// Bytes of a path that are told.
const MAX_PATH: usize = 200;

/// Closes and tells.
pub(crate) async fn log(
    shared: &Shared,
    session: &mut Session,
    error: Option<&pingora::Error>,
    ctx: &mut Ctx,
) {
    settle::close_leftover(shared, ctx).await;
    let request = session.req_header();
    let status = session
        .response_written()
        .map_or(0, |head| head.status.as_u16());
    // The path, not the query: a key may stand there.
    let path = request.uri.path();
    let path = &path[..path.floor_char_boundary(MAX_PATH)];
    let method = request.method.as_str();
    let duration_ms = ctx.arrived.elapsed().as_millis() as u64;
    let trace = trace_id(request);
    match &ctx.stage {
        Stage::Exchange(exchange) => {
            let Some(closed) = &exchange.closed else {
                return;
            };
            tracing::info!(
                target: "tollgate::access",
                request = &*ctx.id,
                trace,
                method,
                path,
                client = %ctx.client,
                token = &*exchange.token.name,
                model = exchange.model(),
                channel = closed.channel.as_deref().unwrap_or("-"),
                attempts = exchange.attempts(),
                status = closed.status,
                end = ?closed.end,
                stream = exchange.streamed(),
                first_byte_ms = closed.first_byte_ms,
                duration_ms = closed.duration_ms,
                overhead_us = exchange.overhead.as_micros() as u64,
                input = closed.input,
                output = closed.output,
                usage = ?closed.usage_source,
                cost = %closed.cost,
                error = closed.error.as_deref().unwrap_or(""),
                "request"
            );
        }
        Stage::Refused(refusal) => tracing::info!(
            target: "tollgate::access",
            request = &*ctx.id, trace, method, path, client = %ctx.client, status, duration_ms,
            refused = refusal.reason(),
            "request"
        ),
        Stage::Local | Stage::Received => tracing::info!(
            target: "tollgate::access",
            request = &*ctx.id, trace, method, path, client = %ctx.client, status, duration_ms,
            error = error.map(|error| error.etype().as_str()).unwrap_or(""),
            "request"
        ),
    }
}

/// The trace id of a well-formed `traceparent` (W3C Trace Context, 3.2).
fn trace_id(request: &pingora::http::RequestHeader) -> &str {
    let Some(value) = request.headers.get("traceparent") else {
        return "";
    };
    let Ok(text) = value.to_str() else {
        return "";
    };
    let mut parts = text.split('-').skip(1);
    match parts.next() {
        Some(id) if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) => id,
        _ => "",
    }
}
