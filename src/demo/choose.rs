//! Chooses the tools an answer calls, and what it calls them with.

use serde_json::Value;

use super::answer::{Arguments, Call};
use super::ask::{Ask, Choice, Input, Tool};
use super::{schema, wire};

/// The most tools called in one answer.
const CALLS: usize = 4;

/// The calls to make now.
pub(super) fn calls(ask: &Ask) -> Vec<Call> {
    let question = ask.question();
    let called = chosen(ask).into_iter().map(|tool| call(tool, question));
    called.collect()
}

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
