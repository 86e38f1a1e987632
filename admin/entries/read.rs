//! An entry as clients send it.

use axum::http::HeaderMap;
use ledger::Nanos;
use ledger::book::{Entry, Kind};
use serde_json::Value;

use crate::deed::{self, ADMIN, new_id};
use crate::names::why_no_note;
use crate::problem::Problem;
use crate::said::Said;

/// Characters of an entry's id.
const MAX_ID: usize = 128;

/// The entry that a body says, made now.
pub(super) fn entry(mut said: Said, headers: &HeaderMap, user: String) -> Result<Entry, Problem> {
    let id = id(&mut said, headers);
    let kind = kind(&mut said);
    let amount = amount(&mut said, kind);
    let note = said.text("note").unwrap_or_default();
    if let Some(what) = why_no_note(&note) {
        said.finding("note", what);
    }
    said.nothing_else();
    said.check()?;
    Ok(Entry {
        id,
        at: deed::now(),
        kind: kind.unwrap_or(Kind::Adjustment),
        user,
        amount,
        author: ADMIN.into(),
        note,
    })
}

fn id(said: &mut Said, headers: &HeaderMap) -> String {
    let header = headers.get("idempotency-key").map(|value| value.to_str());
    let header = header.map(|value| value.unwrap_or("").trim_matches('"').to_owned());
    let body = said.text("id");
    if let (Some(header), Some(body)) = (&header, &body)
        && header != body
    {
        said.finding("id", "not what the header idempotency-key says");
    }
    let id = body.or(header).unwrap_or_else(new_id);
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=MAX_ID).contains(&id.len()) {
        let what = format!("not of 1 to {MAX_ID} visible ASCII characters");
        said.finding("id", what);
    }
    id
}

fn kind(said: &mut Said) -> Option<Kind> {
    let text = said.text("kind");
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| text.as_deref() == Some(kind.as_str()));
    if kind.is_none() {
        said.finding("kind", "not one of top_up, credit, refund, adjustment");
    }
    kind
}

fn amount(said: &mut Said, kind: Option<Kind>) -> Nanos {
    let amount = serde_json::from_value::<Nanos>(said.take("amount").unwrap_or(Value::Null));
    match &amount {
        Err(_) => said.finding("amount", "not an amount in USD like \"25.50\""),
        Ok(Nanos(0)) => said.finding("amount", "nothing"),
        Ok(amount) if *amount < Nanos::ZERO && kind != Some(Kind::Adjustment) => {
            said.finding("amount", "negative: that is an adjustment");
        }
        Ok(_) => {}
    }
    amount.unwrap_or_default()
}
