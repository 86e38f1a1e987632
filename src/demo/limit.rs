//! Keeps an answer to the caller's stop sequences and token limit, and counts its tokens.

use super::answer::{Answer, Call, End};
use super::ask::{Ask, Input, Tool, Turn};

/// Tokens a provider adds around each turn for its role and separators.
const TURN: u64 = 3;

/// Applies the caller's stop sequences and token limit, and counts.
pub(super) fn limited(ask: &Ask, thinking: String, text: String, calls: Vec<Call>) -> Answer {
    let (text, stop) = stopped(text, &ask.stops);
    let wanted = if calls.is_empty() {
        End::Done
    } else {
        End::Calls
    };
    let mut whole = Answer {
        thinking,
        text,
        calls,
        end: stop.map_or(wanted, End::Stop),
        usage: llm::Usage::default(),
    };
    if let Some(most) = ask.max_tokens {
        shorten(&mut whole, most);
    }
    let reasoning = tokens(&whole.thinking);
    whole.usage = llm::Usage {
        input: prompt_tokens(ask),
        output: reasoning + tokens(&whole.text) + call_tokens(&whole.calls),
        reasoning,
        ..llm::Usage::default()
    };
    whole
}

/// Cut at the first stop sequence, which is not part of the answer.
fn stopped(text: String, stops: &[String]) -> (String, Option<String>) {
    let found = stops.iter().filter(|stop| !stop.is_empty());
    let first = found
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
        .min();
    match first {
        Some((at, stop)) => (text[..at].to_owned(), Some(stop.clone())),
        None => (text, None),
    }
}

/// Reasoning spends the tokens first, as with real models.
fn shorten(answer: &mut Answer, most: u64) {
    let thought = tokens(&answer.thinking);
    if thought >= most {
        answer.thinking = first_tokens(&answer.thinking, most).to_owned();
        answer.text.clear();
        answer.calls.clear();
        answer.end = End::Length;
        return;
    }
    let left = most - thought;
    if tokens(&answer.text) > left {
        answer.text = first_tokens(&answer.text, left).to_owned();
        answer.end = End::Length;
    }
    if call_tokens(&answer.calls) > left {
        answer.calls.clear();
        answer.end = End::Length;
    }
}

/// The longest beginning of at most so many tokens.
fn first_tokens(text: &str, most: u64) -> &str {
    let mut ends: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    ends.truncate(ends.partition_point(|end| tokens(&text[..*end]) <= most));
    // A longer beginning can have fewer tokens than a shorter one: make sure.
    while let Some(end) = ends.pop() {
        if tokens(&text[..end]) <= most {
            return &text[..end];
        }
    }
    ""
}

fn tokens(text: &str) -> u64 {
    llm::tokens::count(text)
}

fn call_tokens(calls: &[Call]) -> u64 {
    calls
        .iter()
        .map(|call| tokens(&call.name) + tokens(&call.written()))
        .sum()
}

/// Tokens of everything the caller sent.
pub(super) fn prompt_tokens(ask: &Ask) -> u64 {
    let turns: u64 = ask.turns.iter().map(|turn| TURN + turn_tokens(turn)).sum();
    let tools: u64 = ask.tools.iter().map(tool_tokens).sum();
    turns + tools + TURN
}

fn turn_tokens(turn: &Turn) -> u64 {
    match turn {
        Turn::System(text) | Turn::User(text) | Turn::Result { text, .. } => tokens(text),
        Turn::Assistant { text, calls } => {
            let called = calls
                .iter()
                .map(|call| tokens(&call.name) + tokens(&call.arguments));
            tokens(text) + called.sum::<u64>()
        }
    }
}

fn tool_tokens(tool: &Tool) -> u64 {
    let input = match &tool.input {
        Input::Json(schema) => tokens(&schema.to_string()),
        Input::Text => 0,
    };
    tokens(&tool.name) + input
}
