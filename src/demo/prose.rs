//! Writes the demo's sentences: different for different questions, the same for the same one.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The most words an answer may be asked for.
const WORDS: usize = 4000;
/// Sentences of an answer whose length was not asked for.
const SENTENCES: usize = 5;
/// Characters of the question that are quoted back.
const QUOTE: usize = 120;
/// Characters of a tool's result that are quoted back.
const RESULT: usize = 400;

/// `{}` is a word of the question.
const BODY: [&str; 10] = [
    "The part about {} is worth a second look.",
    "Most people who ask about {} want to know what it costs and how long it takes.",
    "There are three sides to {}: what it is, what it does, and what it leaves alone.",
    "If {} is new to you, start small and change one thing at a time.",
    "A good test of {} is to try it twice and compare.",
    "It helps to write down what you expect from {} before you look at the answer.",
    "Some say that {} is overrated; they usually have not tried it on a Monday.",
    "With {} the first step is the slow one, and the rest follows from it.",
    "Nothing here depends on {} alone, but it is a fair place to begin.",
    "In practice {} turns out simpler than it sounds.",
];

/// An answer to `question`.
pub(super) fn answer(question: &str) -> String {
    if question.is_empty() {
        return "You said nothing yet. Ask me something, and I will answer at the pace of a real model.".into();
    }
    if let Some(exact) = dictated(question) {
        return exact.to_owned();
    }
    let opening = format!("You asked: \u{201c}{}\u{201d}", clipped(question, QUOTE));
    let closing = "I am the demo model, so trust the wire and not the facts.";
    let mut text = format!("{opening} {}", body(question, wanted(question)));
    text.push_str(closing);
    text
}

/// An answer that uses what the tools gave back.
pub(super) fn from_results(question: &str, results: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, result) in results {
        text.push_str(&format!(
            "{name} says: {}. ",
            clipped(result, RESULT).trim_end_matches('.')
        ));
    }
    if !question.is_empty() {
        text.push_str(&format!(
            "That answers \u{201c}{}\u{201d}.",
            clipped(question, QUOTE)
        ));
    }
    text.trim_end().to_owned()
}

/// Reasoning of so many sentences.
pub(super) fn thoughts(question: &str, sentences: usize) -> String {
    let topic = topics(question)
        .first()
        .copied()
        .unwrap_or("nothing in particular");
    let all = [
        format!("The question is about {topic}."),
        "I should say what I know, keep it short, and not invent numbers.".to_owned(),
        format!("A few plain sentences on {topic} will do."),
        "Let me check that against the question once more.".to_owned(),
    ];
    let count = sentences.min(all.len());
    all[..count].join(" ")
}

/// What the caller dictates: "say X", "reply with X", "repeat X".
fn dictated(question: &str) -> Option<&str> {
    let starts = [
        "say ",
        "repeat ",
        "reply with ",
        "answer with ",
        "respond with ",
        "echo ",
    ];
    let said = starts.iter().find_map(|start| {
        let head = question.get(..start.len())?;
        head.eq_ignore_ascii_case(start)
            .then(|| &question[start.len()..])
    })?;
    let plain = said
        .trim_start_matches("exactly")
        .trim_start_matches("the word ")
        .trim_start_matches(':');
    let bare = plain
        .trim()
        .trim_end_matches('.')
        .trim_matches(['"', '\'', '\u{201c}', '\u{201d}']);
    Some(bare).filter(|bare| !bare.is_empty())
}

/// Words asked for: "in 200 words".
fn wanted(question: &str) -> Option<usize> {
    let words: Vec<&str> = question.split_whitespace().collect();
    let pair = words
        .windows(2)
        .find(|pair| pair[1].to_lowercase().starts_with("words"))?;
    pair[0].parse().ok().map(|count: usize| count.min(WORDS))
}

fn body(question: &str, words: Option<usize>) -> String {
    let topics = topics(question);
    let seed = seed(question);
    let mut text = String::new();
    let mut written = 0;
    for turn in 0.. {
        let enough = words.map_or(turn >= SENTENCES, |words| written >= words);
        if enough {
            break;
        }
        let template = BODY[(seed + turn * 3) % BODY.len()];
        let topic = topics
            .get((seed + turn) % topics.len().max(1))
            .unwrap_or(&"it");
        let sentence = template.replace("{}", topic);
        written += sentence.split(' ').count();
        text.push_str(&sentence);
        text.push(' ');
    }
    text
}

/// The longer words of the question, each once, in order.
fn topics(question: &str) -> Vec<&str> {
    const COMMON: [&str; 14] = [
        "about", "could", "every", "please", "should", "tell", "that", "there", "this", "what",
        "when", "where", "with", "would",
    ];
    let mut found: Vec<&str> = Vec::new();
    for word in question.split(|c: char| !c.is_alphanumeric()) {
        let common = COMMON.contains(&word.to_lowercase().as_str());
        if word.chars().count() >= 4 && !common && !found.contains(&word) && found.len() < 12 {
            found.push(word);
        }
    }
    found
}

fn seed(question: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    (hasher.finish() % 1000) as usize
}

fn clipped(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most).collect();
    short.push('\u{2026}');
    short
}

/// The text in the pieces a stream brings: about a word each, with the blank before it.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    const LONGEST: usize = 12;
    let mut pieces = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (at, letter) in text.char_indices() {
        if length > 0 && (letter.is_whitespace() || length >= LONGEST) {
            pieces.push(&text[start..at]);
            (start, length) = (at, 0);
        }
        length += 1;
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_gets_the_same_answer_and_another_another() {
        assert_eq!(
            answer("Why is the sky blue?"),
            answer("Why is the sky blue?")
        );
        assert_ne!(
            answer("Why is the sky blue?"),
            answer("Why is grass green?")
        );
    }

    #[test]
    fn an_answer_is_as_long_as_asked() {
        let long = answer("Describe Rust in 300 words");
        let words = long.split(' ').count();
        assert!((300..400).contains(&words), "{words} words");
    }

    #[test]
    fn dictation_is_obeyed_and_only_dictation() {
        assert_eq!(answer("Say hello."), "hello");
        assert_eq!(answer("Reply with exactly: \"pong\""), "pong");
        assert_ne!(answer("I say no"), "no");
        assert_ne!(answer("é"), "");
    }

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in [
            "",
            "one",
            " two  three\nfour",
            "日本語のとても長い文章を空白なしで書く",
        ] {
            assert_eq!(pieces(text).concat(), text);
            assert!(pieces(text).iter().all(|piece| piece.chars().count() <= 12));
        }
    }
}
