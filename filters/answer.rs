//! Heads of answers: what of the upstream's goes back, and what the gateway adds.

use std::borrow::Cow;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use llm::Format;
use llm::tap::Framing;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use crate::ctx::Ctx;
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
/// Longest upstream request id kept, in bytes.
const MAX_ID: usize = 256;

type Failed = Box<pingora::Error>;

/// How an answer's body reaches the client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The upstream's own bytes.
    AsItCame(Framing),
    /// Translated into the caller's framing; its length where that is known.
    Translated {
        wanted: Framing,
        length: Option<usize>,
    },
}

impl Shape {
    fn framing(self) -> Framing {
        match self {
            Shape::AsItCame(framing) => framing,
            Shape::Translated { wanted, .. } => wanted,
        }
    }
}

/// The head of an upstream's successful answer, for the client.
pub(crate) fn head(
    ctx: &Ctx,
    session: &Session,
    status: u16,
    upstream: &HeaderMap,
    shape: Shape,
) -> Result<ResponseHeader, Failed> {
    let mut head = ResponseHeader::build(status, Some(16))?;
    let framing = shape.framing();
    content(&mut head, upstream, shape)?;
    for (name, value) in upstream {
        let name_text = name.as_str();
        if name_text.starts_with("openai-") || name_text.starts_with("anthropic-") {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if let Some(id) = upstream_id(upstream) {
        head.insert_header("x-upstream-request-id", id)?;
    }
    match length(upstream, shape) {
        Some(length) => head.insert_header(header::CONTENT_LENGTH, length)?,
        // An HTTP/1.0 client gets no transfer coding (RFC 9112, 6.1): closing ends the body.
        _ if session.req_header().version == http::Version::HTTP_10 => {}
        _ => {
            // Removed again where the client speaks HTTP/2.
            head.insert_header(header::TRANSFER_ENCODING, "chunked")?;
        }
    }
    if !matches!(framing, Framing::Whole) {
        head.insert_header(header::CACHE_CONTROL, "no-cache")?;
        // Keeps nginx and its like from collecting the stream.
        head.insert_header("x-accel-buffering", "no")?;
        if !head.headers.contains_key(header::CONTENT_TYPE) {
            head.insert_header(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")?;
        }
    }
    common(ctx, session, &mut head)?;
    Ok(head)
}

/// What the body is: the upstream's word for its own bytes, ours for translated ones.
fn content(head: &mut ResponseHeader, upstream: &HeaderMap, shape: Shape) -> Result<(), Failed> {
    let Shape::Translated { wanted, .. } = shape else {
        for name in &CONTENT_HEADERS {
            if let Some(value) = upstream.get(name) {
                head.insert_header(name.clone(), value.clone())?;
            }
        }
        return Ok(());
    };
    let kind = match wanted {
        Framing::Sse => "text/event-stream; charset=utf-8",
        Framing::Whole | Framing::JsonArray => "application/json",
    };
    head.insert_header(header::CONTENT_TYPE, kind)
}

fn length(upstream: &HeaderMap, shape: Shape) -> Option<HeaderValue> {
    match shape {
        Shape::AsItCame(Framing::Whole) => upstream.get(header::CONTENT_LENGTH).cloned(),
        Shape::AsItCame(_) => None,
        Shape::Translated { length, .. } => length.map(HeaderValue::from),
    }
}

/// What every answer carries: our request id, CORS, and the receipt when it is on.
fn common(ctx: &Ctx, session: &Session, head: &mut ResponseHeader) -> Result<(), Failed> {
    head.insert_header("x-request-id", &*ctx.id)?;
    if ctx.format == Format::Messages {
        head.insert_header("request-id", &*ctx.id)?;
    }
    cors(ctx, session, head)?;
    if let crate::ctx::Stage::Exchange(exchange) = &ctx.stage {
        limit::headers(ctx.format, ctx.at, &exchange.standing, head)?;
    }
    if let crate::ctx::Stage::Exchange(exchange) = &ctx.stage
        && ctx.snapshot.gateway.receipt
        && let Some(candidate) = exchange.route.as_ref().and_then(|route| route.current())
    {
        if let Ok(name) = HeaderValue::from_str(&candidate.channel.name) {
            head.insert_header("x-tollgate-channel", name)?;
        }
        head.insert_header("x-tollgate-attempts", exchange.attempts().to_string())?;
        if let Some(dropped) = dropped(&exchange.dropped) {
            head.insert_header("x-tollgate-dropped", dropped)?;
        }
        let micros = exchange.overhead.as_micros().to_string();
        head.insert_header("x-tollgate-overhead-us", micros)?;
    }
    Ok(())
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
fn cors(ctx: &Ctx, session: &Session, head: &mut ResponseHeader) -> Result<(), Failed> {
    let allowed = &ctx.snapshot.gateway.cors_origins;
    if allowed.is_empty() {
        return Ok(());
    }
    if allowed.iter().any(|origin| origin == "*") {
        head.insert_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")?;
    } else {
        head.append_header(header::VARY, "origin")?;
        let origin = session.get_header(header::ORIGIN).filter(|origin| {
            allowed
                .iter()
                .any(|one| one.as_bytes() == origin.as_bytes())
        });
        let Some(origin) = origin else {
            return Ok(());
        };
        head.insert_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())?;
    }
    head.insert_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, "*")?;
    Ok(())
}

/// Answers a preflight request (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>).
pub(crate) async fn preflight(ctx: &Ctx, session: &mut Session) -> Result<(), Failed> {
    let mut head = ResponseHeader::build(StatusCode::NO_CONTENT, Some(8))?;
    common(ctx, session, &mut head)?;
    if head
        .headers
        .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    {
        head.insert_header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS")?;
        // `*` does not cover Authorization: what the browser asks for is named.
        let asked = session
            .get_header(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .cloned()
            .unwrap_or(HeaderValue::from_static("authorization, content-type"));
        head.insert_header(header::ACCESS_CONTROL_ALLOW_HEADERS, asked)?;
        head.insert_header(header::ACCESS_CONTROL_MAX_AGE, "86400")?;
    }
    session.write_response_header(Box::new(head), true).await
}

/// Answers with JSON of the gateway's own.
pub(crate) async fn json(
    ctx: &Ctx,
    session: &mut Session,
    status: u16,
    body: Vec<u8>,
) -> Result<(), Failed> {
    json_with(ctx, session, status, body, &[]).await
}

/// The same with further headers.
pub(crate) async fn json_with(
    ctx: &Ctx,
    session: &mut Session,
    status: u16,
    body: Vec<u8>,
    headers: &[(&'static str, &'static str)],
) -> Result<(), Failed> {
    let mut head = ResponseHeader::build(status, Some(8))?;
    for (name, value) in headers {
        head.insert_header(*name, *value)?;
    }
    head.insert_header(header::CONTENT_TYPE, "application/json")?;
    head.insert_header(header::CONTENT_LENGTH, body.len())?;
    common(ctx, session, &mut head)?;
    write(session, head, body).await
}

/// Tells a refusal in the caller's format.
pub(crate) async fn refusal(
    ctx: &Ctx,
    session: &mut Session,
    refusal: &Refusal,
    allow: Option<&'static str>,
) -> Result<(), Failed> {
    let body = refusal.body(ctx.format, &ctx.id);
    let mut head = ResponseHeader::build(refusal.status(ctx.format), Some(12))?;
    head.insert_header(header::CONTENT_TYPE, "application/json")?;
    head.insert_header(header::CONTENT_LENGTH, body.len())?;
    if let Some(seconds) = refusal.retry_after_seconds() {
        head.insert_header(header::RETRY_AFTER, seconds)?;
    }
    if refusal.forbids_retry(ctx.format) {
        head.insert_header("x-should-retry", "false")?;
    }
    if let Some(allow) = allow {
        head.insert_header(header::ALLOW, allow)?;
    }
    common(ctx, session, &mut head)?;
    write(session, head, body).await
}

async fn write(session: &mut Session, head: ResponseHeader, body: Vec<u8>) -> Result<(), Failed> {
    let bodiless = session.req_header().method == http::Method::HEAD;
    session
        .write_response_header(Box::new(head), bodiless)
        .await?;
    if bodiless {
        return Ok(());
    }
    session.write_response_body(Some(body.into()), true).await
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
