//! Log probabilities from the shape that chat has for them.

use serde::Serialize;

use crate::loose::{List, Raw, Text, loose};

loose! {
    /// An entry of chat's list.
    struct Entry<'a> {
        "token" => token: Text<'a>,
        "logprob" => log: Raw<'a>,
        "top_logprobs" => top: List<Alternative<'a>>,
    }

    struct Alternative<'a> {
        "token" => token: Text<'a>,
        "logprob" => log: Raw<'a>,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::gemini) struct Logprobs<'a> {
    chosen_candidates: Vec<Token<'a>>,
    top_candidates: Vec<Top<'a>>,
}

#[derive(Serialize)]
struct Top<'a> {
    candidates: Vec<Token<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token<'a> {
    token: &'a str,
    log_probability: &'a serde_json::value::RawValue,
}

/// The entries of a JSON array; none where it is no such array.
pub(in crate::gemini) fn entries(array: &str) -> List<Entry<'_>> {
    serde_json::from_str(array).unwrap_or_default()
}

impl<'a> Logprobs<'a> {
    /// `None` when there are no entries.
    pub(in crate::gemini) fn of(entries: &'a List<Entry<'_>>) -> Option<Logprobs<'a>> {
        let entries = entries.items();
        let chosen = entries
            .iter()
            .filter_map(|entry| token(&entry.token, &entry.log));
        let top = entries.iter().map(|entry| {
            let tokens = entry.top.items().iter();
            let tokens = tokens.filter_map(|one| token(&one.token, &one.log));
            Top {
                candidates: tokens.collect(),
            }
        });
        (!entries.is_empty()).then(|| Logprobs {
            chosen_candidates: chosen.collect(),
            top_candidates: top.collect(),
        })
    }
}

fn token<'a>(token: &'a Text<'_>, log: &Raw<'a>) -> Option<Token<'a>> {
    Some(Token {
        token: &token.0,
        log_probability: log.0?,
    })
}
