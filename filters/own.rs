//! What a key may know of itself, in the shapes that existing key-query tools read: two that OpenAI's
//! dashboard once had, and two of the original system's own. No record comes of it.

mod billing;
mod desk;
mod log;
mod quota;

use std::sync::Arc;

use bytes::Bytes;
use config::snapshot::Token;
use llm::Format;
use pingora::proxy::Session;
use serde_json::{Value, json};

use crate::ctx::Ctx;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::{answer, auth};

pub(crate) use desk::Desk;
pub use desk::{Statement, Unread};

type Failed = Box<pingora::Error>;

/// Keys stand in addresses, and what is told is for one caller's eyes.
const HEADERS: [(&str, &str); 1] = [("cache-control", "no-store")];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// `/dashboard/billing/subscription`: what it may spend in all.
    Subscription,
    /// `/dashboard/billing/usage`: what it has spent.
    Usage,
    /// `/api/usage/token`: both, and what it may do.
    Token,
    /// `/api/log/token`: its newest requests.
    Log,
}

/// Answers a key holder.
pub(crate) async fn answer(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut Ctx,
    question: Question,
) -> Result<(), Failed> {
    // Whatever else such a tool sends, it reads OpenAI's errors.
    ctx.format = Format::Chat;
    match body(shared, session, ctx, question).await {
        Ok(body) => answer::json_with(ctx, session, 200, body, &HEADERS).await,
        Err(refusal) => {
            shared.metrics.refused(refusal.reason());
            let told = told(question, &refusal, &ctx.id);
            answer::refusal_as(ctx, session, &refusal, None, told).await
        }
    }
}

async fn body(
    shared: &Shared,
    session: &Session,
    ctx: &Ctx,
    question: Question,
) -> Result<Bytes, Refusal> {
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
    let token = caller.token;
    let desk = &shared.desk;
    let body = match question {
        Question::Subscription => billing::subscription(&token),
        // The dates of the question are not looked at, as in the original: tools ask for the last
        // hundred days and take the answer off the limit, to show what is left.
        Question::Usage => billing::usage(desk.spent(&token).await?),
        Question::Token => quota::token(&token, desk.spent(&token).await?),
        Question::Log => {
            let snapshot = ctx.snapshot.clone();
            let group = caller.user.map(|user| Arc::clone(&user.group));
            let told = move |records| log::told(&snapshot, group.as_deref(), records);
            return Ok(desk.log(&token, told).await?);
        }
    };
    Ok(body.to_string().into())
}

/// A refusal in the envelope of the path it happens at. Who is not let in at a dashboard is told in
/// OpenAI's words, everything else has the original's.
fn told(question: Question, refusal: &Refusal, request_id: &str) -> Vec<u8> {
    let message = &refusal.message;
    let told = match (question, refusal.cause) {
        (Question::Token, _) => json!({"code": false, "success": false, "message": message}),
        (Question::Log, _) => json!({"success": false, "message": message}),
        (_, Cause::Unavailable) => json!({"error": {"message": message, "type": "upstream_error"}}),
        _ => return refusal.body(Format::Chat, request_id),
    };
    told.to_string().into_bytes()
}

/// When the key ends, in seconds since 1970; 0: never.
fn expiry(token: &Token) -> i64 {
    token.expires_at.map_or(0, |end| end.as_second())
}

/// `amount / unit` as JSON: whole where it is whole, else the nearest decimal.
fn number(amount: i64, unit: i64) -> Value {
    match amount % unit {
        0 => Value::from(amount / unit),
        _ => Value::from(amount as f64 / unit as f64),
    }
}

#[cfg(test)]
mod tests;
