//! Brings calls and results of tools together.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::ir::{Part, Request, Role, Text, ToolResult, Turn};
use crate::loss::{Losses, Misfit};
use crate::normal::mint_id;

/// Gives every call its one result, in the order of the calls, at the head of the user turn
/// that follows, and every result its tool's name. A call whose id came before gets another one,
/// and so does its result: Anthropic refuses an id that stands for two calls. A call without result, a result without call,
/// a second result and a call that the model did not make are refused, by id.
pub(crate) fn pair_tools(request: &mut Request<'_>, losses: &Losses) -> Result<(), Misfit> {
    let mut pairs = Pairs::default();
    for (place, turn) in request.turns.iter_mut().enumerate() {
        let heard = pairs.calls(place, turn);
        heard
            .and_then(|()| pairs.results(place, turn))
            .map_err(|(at, id, problem)| {
                let problem = format!("has {problem} tool call '{id}'");
                Misfit::malformed(losses.turn(at), &problem)
            })?;
    }
    let turns = std::mem::take(&mut request.turns);
    request.turns = pairs.put_back(turns, losses)?;
    Ok(())
}

#[derive(Default)]
struct Pairs<'a> {
    calls: Vec<Call<'a>>,
    /// The calls of each id, by their place in `calls`.
    by_id: HashMap<Text<'a>, Calls>,
    /// Turns that held nothing but results.
    emptied: HashSet<usize>,
}

struct Call<'a> {
    turn: usize,
    /// As the caller wrote it.
    id: Text<'a>,
    /// The id it has now, where it is another one.
    renamed: Option<String>,
    name: Text<'a>,
    result: Option<ToolResult<'a>>,
}

/// Ids come again in some conversations: results go to the oldest call that waits.
#[derive(Default)]
struct Calls {
    waiting: VecDeque<usize>,
    /// How many there were.
    seen: usize,
}

/// Message and id of a call or result that stands in the wrong place, and what is wrong about it.
type Stray<'a> = (usize, Text<'a>, &'static str);

impl<'a> Pairs<'a> {
    fn calls(&mut self, turn: usize, of: &mut Turn<'a>) -> Result<(), Stray<'a>> {
        for part in &mut of.parts {
            let Part::ToolCall(call) = part else {
                continue;
            };
            if of.role != Role::Assistant {
                return Err((call.at, call.id.clone(), "a user's"));
            }
            let id = call.id.clone();
            let calls = self.by_id.entry(id.clone()).or_default();
            let renamed = (calls.seen > 0).then(|| mint_id(calls.seen, 0, &id));
            if let Some(another) = &renamed {
                call.id = another.clone().into();
            }
            calls.seen += 1;
            calls.waiting.push_back(self.calls.len());
            self.calls.push(Call {
                turn,
                id,
                renamed,
                name: call.name.clone(),
                result: None,
            });
        }
        Ok(())
    }

    /// Takes the results out of a turn.
    fn results(&mut self, place: usize, turn: &mut Turn<'a>) -> Result<(), Stray<'a>> {
        if !turn.parts.iter().any(is_result) {
            return Ok(());
        }
        if turn.parts.iter().all(is_result) {
            self.emptied.insert(place);
        }
        for part in std::mem::take(&mut turn.parts) {
            let Part::ToolResult(mut result) = part else {
                turn.parts.push(part);
                continue;
            };
            let Some(calls) = self.by_id.get_mut(&result.id) else {
                return Err((result.at, result.id, "a result for an unknown"));
            };
            let Some(place) = calls.waiting.pop_front() else {
                return Err((result.at, result.id, "a second result for"));
            };
            let call = &mut self.calls[place];
            result.name = Some(call.name.clone());
            if let Some(another) = &call.renamed {
                result.id = another.clone().into();
            }
            call.result = Some(result);
        }
        Ok(())
    }

    /// The turns, each followed by the results of its calls.
    fn put_back(self, turns: Vec<Turn<'a>>, losses: &Losses) -> Result<Vec<Turn<'a>>, Misfit> {
        let places: Vec<usize> = turns.iter().map(|turn| turn.at).collect();
        let mut calls = self.calls.into_iter().peekable();
        let mut paired = Vec::with_capacity(turns.len());
        let mut results = Vec::new();
        for (place, mut turn) in turns.into_iter().enumerate() {
            if turn.role == Role::User {
                turn.parts.splice(0..0, results.drain(..));
            }
            answer(&mut paired, &mut results);
            if !turn.parts.is_empty() || !self.emptied.contains(&place) {
                paired.push(turn);
            }
            while let Some(call) = calls.next_if(|call| call.turn == place) {
                let at = places.get(place + 1).unwrap_or(&places[place]);
                results.push(call.result(losses.turn(*at))?);
            }
        }
        answer(&mut paired, &mut results);
        Ok(paired)
    }
}

impl<'a> Call<'a> {
    /// Its result; `at`: where it should have stood.
    fn result(self, at: String) -> Result<Part<'a>, Misfit> {
        let problem = || format!("has no result for tool call '{}'", self.id);
        self.result
            .map(Part::ToolResult)
            .ok_or_else(|| Misfit::malformed(at, &problem()))
    }
}

fn is_result(part: &Part<'_>) -> bool {
    matches!(part, Part::ToolResult(_))
}

/// A turn for results that nobody else's words follow.
fn answer<'a>(turns: &mut Vec<Turn<'a>>, results: &mut Vec<Part<'a>>) {
    if results.is_empty() {
        return;
    }
    let at = turns.last().map_or(0, |turn| turn.at);
    turns.push(Turn {
        role: Role::User,
        parts: std::mem::take(results),
        at,
        name: None,
    });
}

#[cfg(test)]
#[path = "pairs_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
