//! Decides what the demo model answers: reasoning, text or tool calls, and where it stops.

use serde_json::Value;

use super::ask::{Ask, Choice, Input, Shape, Tool, Turn};
use super::{prose, schema, wire};

/// Tokens a provider adds around each turn for its role and separators.
const TURN: u64 = 3;
/// The most tools called in one answer.
const CALLS: usize = 4;

/// An answer, before any format has seen it.
pub(super) struct Answer {
    /// Empty when the caller did not ask for reasoning.
    pub(super) thinking: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) end: End,
    pub(super) usage: llm::Usage,
}

/// A tool call of this answer.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

/// What a call passes to its tool.
pub(super) enum Arguments {
    Json(Value),
    Text(String),
}

/// Why the answer ends.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    Done,
    Calls,
    Length,
    /// This stop sequence came up.
    Stop(String),
}

impl Call {
    /// What travels as text: the JSON of the arguments, or the text itself.
    pub(super) fn written(&self) -> String {
        match &self.arguments {
            Arguments::Json(value) => value.to_string(),
            Arguments::Text(text) => text.clone(),
        }
    }
}

/// The answer to an ask.
pub(super) fn answer(ask: &Ask) -> Answer {
    let question = ask.question();
    let thinking = prose::thoughts(question, ask.thinking);
    let calls: Vec<Call> = chosen(ask)
        .into_iter()
        .map(|tool| call(tool, question))
        .collect();
    let text = if calls.is_empty() {
        text(ask)
    } else {
        String::new()
    };
    limited(ask, thinking, text, calls)
}

fn text(ask: &Ask) -> String {
    if let Shape::Json(schema) = &ask.shape {
        return schema::fill(schema, ask.question()).to_string();
    }
    let results = ask.results();
    if results.is_empty() {
        prose::answer(ask.question())
    } else {
        prose::from_results(ask.question(), &results)
    }
}

/// The tools to call now.
fn chosen(ask: &Ask) -> Vec<&Tool> {
    let most = if ask.parallel { CALLS } else { 1 };
    let mut tools = match &ask.choice {
        Choice::Never => Vec::new(),
        Choice::Among(names) => ask
            .tools
            .iter()
            .filter(|tool| names.contains(&tool.name))
            .take(1)
            .collect(),
        Choice::Must => {
            let asked = asked_for(ask);
            if asked.is_empty() {
                ask.tools.iter().take(1).collect()
            } else {
                asked
            }
        }
        // With the results at hand the model tells what they say, and does not ask again.
        Choice::Auto if !ask.results().is_empty() => Vec::new(),
        Choice::Auto => asked_for(ask),
    };
    tools.truncate(most);
    tools
}

/// The tools the question names: by their whole names, else by a word of a name, else any
/// when it speaks of tools.
fn asked_for(ask: &Ask) -> Vec<&Tool> {
    let question = ask.question().to_lowercase();
    let named: Vec<&Tool> = ask
        .tools
        .iter()
        .filter(|tool| question.contains(&tool.name.to_lowercase()))
        .collect();
    if !named.is_empty() {
        return named;
    }
    let said: Vec<&str> = question.split(|c: char| !c.is_alphanumeric()).collect();
    let hinted = |tool: &&Tool| {
        name_words(&tool.name)
            .iter()
            .any(|word| said.contains(&word.as_str()))
    };
    let by_word = ask.tools.iter().find(hinted);
    let speaks_of_tools = [
        "use the tool",
        "use a tool",
        "use your tool",
        "call the tool",
        "call a tool",
    ]
    .iter()
    .any(|words| question.contains(words));
    let any = ask.tools.first().filter(|_| speaks_of_tools);
    by_word.or(any).into_iter().collect()
}

/// The telling words of a tool's name: `get_weather` and `getWeather` both speak of weather.
fn name_words(name: &str) -> Vec<String> {
    const VERBS: [&str; 14] = [
        "call", "current", "data", "fetch", "find", "function", "list", "read", "run", "search",
        "send", "tool", "update", "write",
    ];
    let mut spaced = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() || !letter.is_alphanumeric() {
            spaced.push(' ');
        }
        spaced.extend(letter.to_lowercase());
    }
    let words = spaced.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| word.len() > 3 && !VERBS.contains(word))
        .map(str::to_owned)
        .collect()
}

fn call(tool: &Tool, question: &str) -> Call {
    let arguments = match &tool.input {
        Input::Json(schema) => Arguments::Json(match schema::fill(schema, question) {
            Value::Object(fields) => Value::Object(fields),
            _ => Value::Object(Default::default()),
        }),
        Input::Text => Arguments::Text(question.to_owned()),
    };
    Call {
        id: wire::id("call_"),
        name: tool.name.clone(),
        arguments,
    }
}

/// Applies the caller's stop sequences and token limit, and counts.
fn limited(ask: &Ask, thinking: String, text: String, calls: Vec<Call>) -> Answer {
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
