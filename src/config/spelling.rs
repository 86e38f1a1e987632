//! Which known word a misspelt one was meant to be.

/// The longest word worth comparing: the comparison is quadratic.
const LONGEST: usize = 64;

/// The closest of `known`, when it is near enough to be meant.
pub(crate) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = plain(word);
    known
        .iter()
        .map(|name| (distance(&word, &plain(name)), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Spelling without case and separators: `baseUrl` and `base-url` are `base_url`.
fn plain(word: &str) -> Vec<char> {
    word.chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Insertions, deletions, replacements and exchanged neighbours from one to the other (optimal
/// string alignment), one row at a time.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for line in 0..from.len() {
        let mut row = vec![line + 1];
        for column in 0..to.len() {
            let replaced = above[column] + usize::from(from[line] != to[column]);
            let mut least = replaced.min(above[column + 1] + 1).min(row[column] + 1);
            let exchanged = line > 0
                && column > 0
                && from[line] == to[column - 1]
                && from[line - 1] == to[column];
            if exchanged {
                least = least.min(before[column - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let known = ["base_url", "models", "model_map", "keys", "name"];
        let cases = [
            ("base_ulr", Some("base_url")),
            ("baseUrl", Some("base_url")),
            ("modles", Some("models")),
            ("key", Some("keys")),
            ("eksy", None),
            ("ekys", Some("keys")),
            ("model-map", Some("model_map")),
            ("zebra", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, &known), expected, "{word}");
        }
        assert_eq!(closest(&"x".repeat(1_000_000), &known), None);
    }
}
