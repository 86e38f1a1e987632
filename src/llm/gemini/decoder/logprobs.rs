//! Log probabilities in the shape that chat has for them.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::gemini::heard::{Logprobs, Token};
use crate::loose::{Raw, Slot};

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    token: One<'a>,
    top_logprobs: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    token: &'a str,
    logprob: &'a RawValue,
    bytes: &'a [u8],
}

/// The entries as a JSON array; `None` when there are none.
pub(super) fn entries(said: &Raw<'_>) -> Option<String> {
    let Slot(logprobs) = serde_json::from_str::<Slot<Logprobs<'_>>>(said.0?.get()).ok()?;
    let logprobs = logprobs?;
    let top = logprobs.top.items();
    let chosen = logprobs.chosen.items().iter().enumerate();
    let entries: Vec<Entry<'_>> = chosen
        .filter_map(|(at, token)| {
            let top = top.get(at).map_or(&[][..], |top| top.tokens.items());
            Some(Entry {
                token: one(token)?,
                top_logprobs: top.iter().filter_map(one).collect(),
            })
        })
        .collect();
    (!entries.is_empty())
        .then(|| serde_json::to_string(&entries).ok())
        .flatten()
}

fn one<'a>(token: &'a Token<'_>) -> Option<One<'a>> {
    Some(One {
        token: &token.token.0,
        logprob: token.log.0?,
        bytes: token.token.0.as_bytes(),
    })
}
