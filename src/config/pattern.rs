//! Model names with `*`: the wildcards of `models`, prices and tokens.

use std::fmt;

/// A name in which `*` matches any characters, none included; everything else matches itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    /// Bytes before the first `*`; all of them when there is none.
    head: usize,
}

impl Pattern {
    /// Any text is a pattern; without `*` it is an exact name.
    pub fn new(text: &str) -> Pattern {
        Pattern {
            text: text.into(),
            head: text.find('*').unwrap_or(text.len()),
        }
    }

    /// Whether `name` is matched whole.
    ///
    /// Most patterns of a long list fail at their head, which is one comparison. The leftmost
    /// place of every piece between two stars is enough (a later one only leaves less room for
    /// the rest), so there is no backtracking: linear in `name` for any number of stars.
    pub fn matches(&self, name: &str) -> bool {
        let (head, starred) = self.text.split_at(self.head);
        let Some(rest) = name.strip_prefix(head) else {
            return false;
        };
        let mut pieces = starred.split('*');
        pieces.next(); // nothing stands before the first star, or there is none
        let Some(tail) = pieces.next_back() else {
            return rest.is_empty();
        };
        let Some(middle) = rest.strip_suffix(tail) else {
            return false;
        };
        pieces
            .filter(|piece| !piece.is_empty())
            .try_fold(middle, |rest, piece| {
                rest.find(piece).map(|at| &rest[at + piece.len()..])
            })
            .is_some()
    }

    /// Whether it has no `*`.
    pub fn is_exact(&self) -> bool {
        self.head == self.text.len()
    }

    /// The byte that every matched name begins with; `None` when it begins with a star.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.text[..self.head].bytes().next()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Bytes that are not `*`: the longest pattern is the most specific one.
    pub fn literal_len(&self) -> usize {
        self.text.bytes().filter(|byte| *byte != b'*').count()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, matched: &[&str], others: &[&str]) {
        let pattern = Pattern::new(pattern);
        for name in matched {
            assert!(pattern.matches(name), "{pattern} should match {name:?}");
        }
        for name in others {
            assert!(
                !pattern.matches(name),
                "{pattern} should not match {name:?}"
            );
        }
    }

    #[test]
    fn a_name_without_a_star_matches_itself_only() {
        check(
            "gpt-4o",
            &["gpt-4o"],
            &["gpt-4o-mini", "gpt-4", "", "GPT-4o"],
        );
        check("", &[""], &["x"]);
    }

    #[test]
    fn stars_stand_for_any_characters() {
        check("*", &["", "anything/at all"], &[]);
        check("**", &["", "x"], &[]);
        check("o3*", &["o3", "o3-mini"], &["o", "xo3"]);
        check(
            "*-latest",
            &["grok-latest", "-latest"],
            &["latest", "grok-latest-2"],
        );
        check(
            "gpt-*-mini",
            &["gpt-4o-mini", "gpt--mini"],
            &["gpt-mini", "gpt-4o-mini-x"],
        );
        check("a*b*c", &["abc", "aXbbYc", "abcbc"], &["acb", "ab", "ac"]);
        check("*é*", &["café au lait", "é"], &["cafe"]);
    }

    #[test]
    fn head_and_tail_do_not_overlap() {
        check("ab*ba", &["abba", "ab-ba"], &["aba"]);
        check("a*a*a", &["aaa", "aXaXa"], &["aa", "a"]);
    }

    #[test]
    fn many_stars_on_a_long_name_stay_linear() {
        let pattern = Pattern::new(&"*a".repeat(500));
        let name = format!("{}b", "a".repeat(100_000));
        let started = Instant::now();
        assert!(!pattern.matches(&name));
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "backtracking would take longer than the age of the universe"
        );
    }

    #[test]
    fn stars_do_not_count_as_literal() {
        assert_eq!(Pattern::new("gpt-4o*").literal_len(), 6);
        assert_eq!(Pattern::new("**").literal_len(), 0);
    }

    /// The textbook definition, exponential but obviously right.
    fn plainly(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|skip| plainly(rest, &name[skip..])),
            [first, rest @ ..] => name.first() == Some(first) && plainly(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            let letters: Vec<char> = pattern.chars().collect();
            let wanted = plainly(&letters, &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(Pattern::new(&pattern).matches(&name), wanted);
        }
    }
}
