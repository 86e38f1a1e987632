//! Finds in the user's words what an argument may be made of.

/// The first number in the text.
pub(super) fn number(said: &str) -> f64 {
    let mut words = said.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    words
        .find_map(|word| word.trim_end_matches('.').parse::<f64>().ok())
        .filter(|number| number.is_finite())
        .unwrap_or(1.0)
}

pub(super) fn is_place(name: &str) -> bool {
    let name = name.to_lowercase();
    ["city", "location", "place", "town", "country"]
        .iter()
        .any(|word| name.contains(word))
}

/// The capitalised words after "in", "for", "at" or "of"; else the last capitalised word; else everything.
pub(super) fn place(said: &str) -> &str {
    let after = [" in ", " for ", " at ", " of "].iter().find_map(|word| {
        let (_, rest) = said.split_once(word)?;
        Some(&rest[..named_length(rest)]).filter(|name| !name.is_empty())
    });
    let capital = |word: &&str| word.starts_with(char::is_uppercase);
    let last = || said.split(|c: char| !c.is_alphanumeric()).rfind(capital);
    after.or_else(last).unwrap_or(said)
}

/// How many bytes of the text are capitalised words in a row.
fn named_length(text: &str) -> usize {
    let mut end = 0;
    for word in text.split_inclusive(' ') {
        if !word.starts_with(char::is_uppercase) {
            break;
        }
        let name = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        end += name.len();
        if name.len() + 1 != word.len() || !word.ends_with(' ') {
            break;
        }
        end += 1;
    }
    text[..end].trim_end().len()
}

/// What stands between quotation marks.
pub(super) fn quoted(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once('"')?;
    let (inner, _) = rest.split_once('"')?;
    Some(inner).filter(|inner| !inner.is_empty())
}
