//! Reasoning suffixes that clients put behind a model name.

/// Suffixes that choose how hard a model thinks.
const SUFFIXES: [&str; 9] = [
    "-high",
    "-medium",
    "-low",
    "-minimal",
    "-none",
    "-xhigh",
    "-max",
    "-thinking",
    "-nothinking",
];

/// `gpt-5` for `gpt-5-high`, `claude-x` for `claude-x-thinking-8192`; `None` when there is no
/// such suffix, or nothing before it.
pub fn without_suffix(model: &str) -> Option<&str> {
    let stem = budget(model).or_else(|| {
        SUFFIXES
            .iter()
            .find_map(|suffix| model.strip_suffix(suffix))
    })?;
    (!stem.is_empty()).then_some(stem)
}

/// The stem of `…-thinking-N`.
fn budget(model: &str) -> Option<&str> {
    let (rest, digits) = model.rsplit_once('-')?;
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    rest.strip_suffix("-thinking").filter(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_is_cut_once() {
        for suffix in SUFFIXES {
            assert_eq!(
                without_suffix(&format!("gpt-5{suffix}")),
                Some("gpt-5"),
                "{suffix}"
            );
        }
        assert_eq!(without_suffix("claude-x-thinking-8192"), Some("claude-x"));
        assert_eq!(without_suffix("m-high-low"), Some("m-high"));
    }

    #[test]
    fn names_without_a_suffix_are_left_alone() {
        for name in [
            "gpt-5",
            "o1-mini",
            "claude-x-thinking-",
            "x-thinking-8k",
            "-high",
            "",
            "high",
        ] {
            assert_eq!(without_suffix(name), None, "{name}");
        }
    }
}
