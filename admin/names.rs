//! Which texts may be names and notes: what people cannot tell apart by looking is refused.

/// Characters of a name.
const MAX_NAME: usize = 64;
/// Characters of a note.
const MAX_NOTE: usize = 4_096;

/// What keeps a text from being a name: it stands in paths, logs and columns.
pub(crate) fn why_no_name(name: &str) -> Option<String> {
    let slash = name.contains('/').then(|| "has a `/`".into());
    why_unseen(name, MAX_NAME).or(slash)
}

/// What keeps a text of at most `most` characters from being told from every other.
pub(crate) fn why_unseen(name: &str, most: usize) -> Option<String> {
    if name.is_empty() || name.chars().count() > most {
        return Some(format!("not of 1 to {most} characters"));
    }
    if name.chars().any(is_unseen) {
        return Some("has a character that cannot be seen".into());
    }
    if name.trim() != name || matches!(name, "." | "..") {
        return Some("has spaces around it, or is only dots".into());
    }
    None
}

/// What keeps a text from being a note.
pub(crate) fn why_no_note(note: &str) -> Option<String> {
    if note.chars().count() > MAX_NOTE {
        return Some(format!("longer than {MAX_NOTE} characters"));
    }
    let unseen = |c: char| is_unseen(c) && !matches!(c, '\n' | '\r' | '\t' | '\u{200d}');
    note.chars()
        .any(unseen)
        .then(|| "has a character that cannot be seen".into())
}

/// Control characters, and those that hide or turn around what stands beside them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_seen_and_put_into_paths() {
        for name in [
            "alice",
            "Łukasz 2",
            "a'; DROP TABLE users; --",
            "🦀",
            "日本語",
            "a%2Fb",
        ] {
            assert_eq!(why_no_name(name), None, "{name}");
        }
        let long = "x".repeat(65);
        for name in [
            "",
            " ",
            "a ",
            " a",
            "a/b",
            "a\0b",
            "a\nb",
            ".",
            "..",
            "a\u{202e}b",
            &long,
        ] {
            assert!(why_no_name(name).is_some(), "{name:?}");
        }
        assert_eq!(why_no_name(&"é".repeat(64)), None);
    }

    #[test]
    fn notes_have_lines_and_no_terminal_sequences() {
        assert_eq!(why_no_note("one\n\ttwo 👩‍👧"), None);
        assert!(why_no_note("\u{1b}[2J").is_some());
        assert!(why_no_note(&"x".repeat(4_097)).is_some());
    }
}
