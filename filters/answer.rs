//! Heads of answers: what of the upstream's goes back, and what the gateway adds.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use llm::Format;
use llm::tap::Framing;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use crate::ctx::{Ctx, Stage};
use crate::limit;
use crate::reject::Refusal;

/// Upstream headers that describe the content.
const CONTENT_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
];
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// Room for an answer's fields, those that Pingora adds included.
const USUAL_FIELDS: usize = 16;
/// Longest upstream request id kept, in bytes.
const MAX_ID: usize = 256;

type Failed = Box<pingora::Error>;

/// How an answer's body reaches the client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The upstream's own bytes, framed so.
    AsItCame(Framing),
    /// Translated into the caller's framing.
    Translated(Framing),
}

impl Shape {
    fn framing(self) -> Framing {
        match self {
            Shape::AsItCame(framing) | Shape::Translated(framing) => framing,
        }
    }
}

/// The head of an upstream's successful answer, for the client. `length`: of the body, when known.
pub(crate) fn head(
    ctx: &Ctx,
    session: &Session,
    status: u16,
    upstream: &HeaderMap,
    shape: Shape,
    length: Option<HeaderValue>,
) -> Result<ResponseHeader, Failed> {
    let framing = shape.framing();
    let own = matches!(shape, Shape::AsItCame(_));
    let mut fields = HeaderMap::with_capacity(USUAL_FIELDS);
    for (name, value) in upstream {
        let text = name.as_str();
        if text.starts_with("openai-") || text.starts_with("anthropic-") {
            fields.append(name.clone(), value.clone());
        } else if own && CONTENT_HEADERS.contains(name) {
            fields.insert(name.clone(), value.clone());
        }
    }
    if let Some(id) = upstream_id(upstream) {
        fields.insert(UPSTREAM_REQUEST_ID, id);
    }
    if !own && !matches!(framing, Framing::Sse) {
        let json = HeaderValue::from_static("application/json");
        fields.insert(header::CONTENT_TYPE, json);
    }
    match length {
        Some(length) => drop(fields.insert(header::CONTENT_LENGTH, length)),
        // An HTTP/1.0 client gets no transfer coding (RFC 9112, 6.1): closing ends the body.
        None if session.req_header().version == http::Version::HTTP_10 => {}
        None => {
            // Removed again where the client speaks HTTP/2.
            let chunked = HeaderValue::from_static("chunked");
            fields.insert(header::TRANSFER_ENCODING, chunked);
        }
    }
    if !matches!(framing, Framing::Whole) {
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Keeps nginx and its like from collecting the stream.
        fields.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        fields
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("text/event-stream; charset=utf-8"));
    }
    common(ctx, session, &mut fields);
    response(status, fields)
}

/// A head of these fields. Made from a plain map: Pingora's own setters keep every name's letter
/// case beside it, which was a third of what an answer's head cost.
fn response(status: u16, fields: HeaderMap) -> Result<ResponseHeader, Failed> {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(status).map_err(|error| {
        pingora::Error::because(pingora::ErrorType::InvalidHTTPHeader, "status", error)
    })?;
    parts.headers = fields;
    Ok(parts.into())
}

/// What every answer carries: our request id, CORS, and the receipt when it is on.
fn common(ctx: &Ctx, session: &Session, fields: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&ctx.id) {
        if ctx.format == Format::Messages {
            fields.insert(REQUEST_ID, id.clone());
        }
        fields.insert(X_REQUEST_ID, id);
    }
    cors(ctx, session, fields);
    if let Stage::Exchange(exchange) = &ctx.stage {
        limit::headers(ctx.format, ctx.at, &exchange.standing, fields);
    }
    if let Stage::Exchange(exchange) = &ctx.stage
        && ctx.snapshot.gateway.receipt
        && let Some(candidate) = exchange.route.as_ref().and_then(|route| route.current())
    {
        // A refusal before the first attempt has reached no channel.
        if exchange.attempts() > 0
            && let Ok(name) = HeaderValue::from_str(&candidate.channel.name)
        {
            fields.insert("x-tollgate-channel", name);
        }
        fields.insert("x-tollgate-attempts", exchange.attempts().into());
        if let Some(dropped) = dropped(&exchange.dropped) {
            fields.insert("x-tollgate-dropped", dropped);
        }
        let micros = exchange.overhead.as_micros() as u64;
        fields.insert("x-tollgate-overhead-us", micros.into());
    }
}

/// The fields that a conversion dropped, where they can stand in a header.
fn dropped(fields: &[Cow<'static, str>]) -> Option<HeaderValue> {
    let fits = |field: &&Cow<'static, str>| {
        !field.is_empty()
            && field
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',')
    };
    let names: Vec<&str> = fields.iter().filter(fits).map(|field| &**field).collect();
    (!names.is_empty()).then(|| HeaderValue::from_str(&names.join(",")).ok())?
}

/// What browsers need to read the answer.
fn cors(ctx: &Ctx, session: &Session, fields: &mut HeaderMap) {
    const ANY: HeaderValue = HeaderValue::from_static("*");
    let allowed = &ctx.snapshot.gateway.cors_origins;
    if allowed.is_empty() {
        return;
    }
    if allowed.iter().any(|origin| origin == "*") {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    } else {
        fields.append(header::VARY, HeaderValue::from_static("origin"));
        let origin = session.get_header(header::ORIGIN).filter(|origin| {
            allowed
                .iter()
                .any(|one| one.as_bytes() == origin.as_bytes())
        });
        let Some(origin) = origin else {
            return;
        };
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    fields.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
}

/// Answers a preflight request (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>).
pub(crate) async fn preflight(ctx: &Ctx, session: &mut Session) -> Result<(), Failed> {
    let mut fields = HeaderMap::with_capacity(USUAL_FIELDS);
    common(ctx, session, &mut fields);
    if fields.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let methods = HeaderValue::from_static("GET, POST, OPTIONS");
        fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        // `*` does not cover Authorization: what the browser asks for is named.
        let asked = session
            .get_header(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .cloned()
            .unwrap_or(HeaderValue::from_static("authorization, content-type"));
        fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
        let age = HeaderValue::from_static("86400");
        fields.insert(header::ACCESS_CONTROL_MAX_AGE, age);
    }
    let head = response(204, fields)?;
    session.write_response_header(Box::new(head), true).await
}

/// Answers with JSON of the gateway's own.
pub(crate) async fn json(
    ctx: &Ctx,
    session: &mut Session,
    status: u16,
    body: impl Into<Bytes>,
) -> Result<(), Failed> {
    json_with(ctx, session, status, body, &[]).await
}

/// The same with further headers.
pub(crate) async fn json_with(
    ctx: &Ctx,
    session: &mut Session,
    status: u16,
    body: impl Into<Bytes>,
    headers: &[(&'static str, &'static str)],
) -> Result<(), Failed> {
    let mut fields = HeaderMap::with_capacity(USUAL_FIELDS);
    for (name, value) in headers {
        fields.insert(*name, HeaderValue::from_static(value));
    }
    let body = body.into();
    own_json(&mut fields, body.len());
    common(ctx, session, &mut fields);
    write(session, response(status, fields)?, body).await
}

fn own_json(fields: &mut HeaderMap, length: usize) {
    let json = HeaderValue::from_static("application/json");
    fields.insert(header::CONTENT_TYPE, json);
    fields.insert(header::CONTENT_LENGTH, length.into());
}

/// Tells a refusal in the caller's format.
pub(crate) async fn refusal(
    ctx: &Ctx,
    session: &mut Session,
    refusal: &Refusal,
    allow: Option<&'static str>,
) -> Result<(), Failed> {
    let body = refusal.body(ctx.format, &ctx.id);
    refusal_as(ctx, session, refusal, allow, body).await
}

/// The same in other words.
pub(crate) async fn refusal_as(
    ctx: &Ctx,
    session: &mut Session,
    refusal: &Refusal,
    allow: Option<&'static str>,
    body: Vec<u8>,
) -> Result<(), Failed> {
    let mut fields = HeaderMap::with_capacity(USUAL_FIELDS);
    own_json(&mut fields, body.len());
    if let Some(seconds) = refusal.retry_after_seconds() {
        fields.insert(header::RETRY_AFTER, seconds.into());
    }
    if refusal.forbids_retry(ctx.format) {
        fields.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    if let Stage::Exchange(exchange) = &ctx.stage
        && let Some(id) = &exchange.refused_as
    {
        fields.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    if let Some(allow) = allow {
        fields.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    common(ctx, session, &mut fields);
    let head = response(refusal.status(ctx.format), fields)?;
    write(session, head, body.into()).await
}

async fn write(session: &mut Session, head: ResponseHeader, body: Bytes) -> Result<(), Failed> {
    let bodiless = session.req_header().method == http::Method::HEAD;
    session
        .write_response_header(Box::new(head), bodiless)
        .await?;
    if bodiless {
        return Ok(());
    }
    session.write_response_body(Some(body), true).await
}

/// The upstream's own id of the request.
pub(crate) fn upstream_id(upstream: &HeaderMap) -> Option<HeaderValue> {
    [
        "x-request-id",
        "request-id",
        "x-goog-request-id",
        "apim-request-id",
    ]
    .iter()
    .find_map(|name| upstream.get(*name))
    .filter(|id| id.len() <= MAX_ID)
    .cloned()
}
