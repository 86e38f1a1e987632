//! What the gateway answers itself: health, model lists, key holders, preflights, and paths it does not serve.

use config::directory::Caller;
use config::plan;
use config::snapshot::Snapshot;
use llm::Format;
use pingora::proxy::Session;
use serde_json::json;

use crate::ctx::Ctx;
use crate::endpoint::Endpoint;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::{answer, auth, own};

type Failed = Box<pingora::Error>;

/// Answers what is not a model operation.
pub(crate) async fn answer(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: Endpoint,
) -> Result<(), Failed> {
    let refusal = match endpoint {
        Endpoint::Preflight => return answer::preflight(ctx, session).await,
        Endpoint::Health => return ok(ctx, session, json!({"status": "ok"})).await,
        Endpoint::Ready if (shared.store_seen)() => {
            return ok(ctx, session, json!({"status": "ready"})).await;
        }
        Endpoint::Ready => {
            let body = json!({"status": "starting", "detail": "the store was not reachable yet"});
            return answer::json(ctx, session, 503, body.to_string().into_bytes()).await;
        }
        Endpoint::Models(one) => match models(shared, session, ctx, one.as_deref()) {
            Ok(body) => return answer::json(ctx, session, 200, body).await,
            Err(refusal) => refusal,
        },
        Endpoint::Own(question) => return own::answer(shared, session, ctx, question).await,
        Endpoint::NotServedYet => Refusal::new(
            Cause::UnknownPath,
            "this endpoint is not served yet by this version of the gateway",
        ),
        Endpoint::WrongMethod(allow) => return wrong_method(shared, session, ctx, allow).await,
        Endpoint::Unknown | Endpoint::Model(_) => Refusal::new(
            Cause::UnknownPath,
            format!(
                "nothing is served at {} {}; see the documentation for the paths",
                session.req_header().method,
                short(session.req_header().uri.path())
            ),
        ),
    };
    shared.metrics.refused(refusal.reason());
    answer::refusal(ctx, session, &refusal, None).await
}

async fn wrong_method(
    shared: &Shared,
    session: &mut Session,
    ctx: &Ctx,
    allow: &'static str,
) -> Result<(), Failed> {
    let upgrade = session.req_header().headers.contains_key("upgrade");
    let (cause, words) = if upgrade {
        (
            Cause::UpgradeRequired,
            "WebSocket is not served at this path; use HTTP with server-sent events",
        )
    } else {
        (Cause::WrongMethod, "this path does not know the method")
    };
    let refusal = Refusal::new(cause, format!("{words}; allowed: {allow}"));
    shared.metrics.refused(refusal.reason());
    answer::refusal(ctx, session, &refusal, Some(allow)).await
}

async fn ok(ctx: &Ctx, session: &mut Session, body: serde_json::Value) -> Result<(), Failed> {
    answer::json(ctx, session, 200, body.to_string().into_bytes()).await
}

/// A path in an error text: its first 100 bytes.
fn short(path: &str) -> String {
    path.chars().take(100).collect()
}

/// What this key may use, in the shape the caller's SDK reads.
fn models(
    shared: &Shared,
    session: &Session,
    ctx: &Ctx,
    one: Option<&str>,
) -> Result<Vec<u8>, Refusal> {
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
    let names = usable(&ctx.snapshot, &caller);
    let format = ctx.format;
    let Some(one) = one else {
        return Ok(list(format, &names));
    };
    // A name that only a wildcard covers is in no list.
    if names.iter().any(|name| name == one) || is_usable(&ctx.snapshot, &caller, one) {
        return Ok(entry(format, one).to_string().into_bytes());
    }
    let text = format!("the model '{}' is not served to this key", short(one));
    Err(Refusal::new(Cause::UnknownModel, text).at(Some("model")))
}

fn is_usable(snapshot: &Snapshot, caller: &Caller, model: &str) -> bool {
    let (token, user) = (&caller.token, caller.user.as_ref());
    let user_group = user.map(|user| &*user.group);
    token.allows_model(model) && plan::serves_to(snapshot, user_group, &token.group, model)
}

fn usable(snapshot: &Snapshot, caller: &Caller) -> Vec<String> {
    let (token, user) = (&caller.token, caller.user.as_ref());
    plan::served_to(snapshot, user.map(|user| &*user.group), &token.group)
        .into_iter()
        .filter(|served| token.allows_model(served.name))
        .map(|served| served.name.to_string())
        .collect()
}

fn entry(format: Format, name: &str) -> serde_json::Value {
    match format {
        Format::Chat | Format::Responses => {
            json!({"id": name, "object": "model", "created": 0, "owned_by": "tollgate"})
        }
        Format::Messages => json!({
            "type": "model", "id": name, "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
        }),
        Format::Gemini => json!({
            "name": format!("models/{name}"), "baseModelId": name, "version": "001",
            "displayName": name,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }),
    }
}

fn list(format: Format, names: &[String]) -> Vec<u8> {
    let entries: Vec<_> = names.iter().map(|name| entry(format, name)).collect();
    let whole = match format {
        Format::Chat | Format::Responses => json!({"object": "list", "data": entries}),
        Format::Messages => json!({
            "data": entries, "has_more": false,
            "first_id": names.first(), "last_id": names.last(),
        }),
        Format::Gemini => json!({"models": entries}),
    };
    whole.to_string().into_bytes()
}
