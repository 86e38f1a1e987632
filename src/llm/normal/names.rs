//! Names and ids that fit a target's rules, and the way back.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::ir::{Part, Request, Text, Tool, ToolChoice};

/// What a target's tool names (or call ids) may look like. At least 24 bytes long; `_` is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alphabet {
    /// Longest, in bytes.
    pub(crate) max: usize,
    /// Bytes allowed beside ASCII letters and digits.
    pub(crate) also: &'static [u8],
    /// The first byte must be a letter or `_` (Gemini).
    pub(crate) letter_first: bool,
}

/// Tool names that were changed: the upstream's, and the caller's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// Whether every name stayed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The caller's name of a tool that the upstream calls `name`.
    pub(crate) fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, |caller| caller)
    }
}

/// Makes every tool name of the request (tools, choice, history) fit: `a.b/c` becomes
/// `a_b_c_1f3a`, the same name always the same.
pub(crate) fn fix_names(request: &mut Request<'_>, alphabet: Alphabet) -> Names {
    let mut taken = HashSet::new();
    let mut misfits = Vec::new();
    each_name(request, &mut |name| match alphabet.fits(name) {
        true => _ = taken.insert(name.to_string()),
        false => misfits.push(name.to_string()),
    });
    if misfits.is_empty() {
        return Names::default();
    }
    let mut fitted = HashMap::new();
    for name in misfits {
        if let Entry::Vacant(vacant) = fitted.entry(name) {
            let fit = alphabet.free(vacant.key(), &taken);
            taken.insert(fit.clone());
            vacant.insert(fit);
        }
    }
    each_name(request, &mut |name| {
        if let Some(fit) = fitted.get(&**name) {
            *name = Cow::Owned(fit.clone());
        }
    });
    Names(fitted.into_iter().map(|(name, fit)| (fit, name)).collect())
}

/// Makes every call id fit, in calls and results alike: `call_<hash>`. The caller replays its own
/// ids, so there is no way back to keep.
pub(crate) fn fix_ids(request: &mut Request<'_>, alphabet: Alphabet) {
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        let id = match part {
            Part::ToolCall(call) => &mut call.id,
            Part::ToolResult(result) => &mut result.id,
            _ => continue,
        };
        if !alphabet.fits(id) {
            *id = Cow::Owned(call_id(hash([id.as_bytes()])));
        }
    }
}

/// An id for a call that has none, the same for the same place and name, so that a replayed
/// history reads the same and prompt caches stay warm: `call_` and 16 letters of base 32.
pub(crate) fn mint_id(turn: usize, part: usize, name: &str) -> String {
    let place = [turn as u64, part as u64].map(u64::to_le_bytes).concat();
    call_id(hash([&place, name.as_bytes()]))
}

/// Makes ids for calls of an answer to which the upstream gave none.
///
/// From the request's own id, which no other answer of a conversation has: servers that give calls
/// no ids often give their answers none, or all of them the same.
#[derive(Debug)]
pub(crate) struct Mint(String);

impl Mint {
    /// For the answer to the request of that id.
    pub(crate) fn new(request: &str) -> Mint {
        Mint(request.to_owned())
    }

    /// The id of the `nth` call of a choice, the same whether the answer is streamed or whole.
    pub(crate) fn id(&self, choice: u32, nth: usize) -> String {
        mint_id(choice as usize, nth, &self.0)
    }
}

impl Alphabet {
    fn fits(self, name: &str) -> bool {
        let first = name.bytes().next();
        (1..=self.max).contains(&name.len())
            && name.bytes().all(|byte| self.allows(byte))
            && (!self.letter_first || first.is_some_and(|byte| !starts_badly(byte)))
    }

    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || self.also.contains(&byte)
    }

    /// A name like `name` that fits and is not taken.
    fn free(self, name: &str, taken: &HashSet<String>) -> String {
        // A tag may be taken by chance; long tags are for requests with thousands of tools.
        (0u32..)
            .map(|salt| self.tagged(name, salt, if salt < 16 { 4 } else { 16 }))
            .find(|fit| !taken.contains(fit))
            .expect("there are more tags than a request has names")
    }

    /// `name` in this alphabet, with so many digits that tell it from others like it.
    fn tagged(self, name: &str, salt: u32, digits: usize) -> String {
        let hash = hash([&salt.to_le_bytes(), name.as_bytes()]);
        let tag = format!("{:016x}", (hash ^ (hash >> 64)) as u64);
        let mut fit = String::new();
        if self.letter_first && name.bytes().next().is_some_and(starts_badly) {
            fit.push('_');
        }
        let letters = name.chars().map(|letter| match u8::try_from(letter) {
            Ok(byte) if self.allows(byte) => letter,
            _ => '_',
        });
        fit.extend(letters.take(self.max.saturating_sub(digits + 2)));
        // The last letters of a name move the low bits most.
        format!("{fit}_{}", &tag[tag.len() - digits..])
    }
}

fn starts_badly(byte: u8) -> bool {
    !byte.is_ascii_alphabetic() && byte != b'_'
}

/// Shows every place of the request where a tool is named.
fn each_name<'a>(request: &mut Request<'a>, each: &mut dyn FnMut(&mut Text<'a>)) {
    for tool in &mut request.tools {
        match tool {
            Tool::Function { name, .. } | Tool::Custom { name, .. } => each(name),
            Tool::Hosted { .. } => {}
        }
    }
    match &mut request.tool_choice {
        Some(ToolChoice::Named(name)) => each(name),
        Some(ToolChoice::Allowed { names, .. }) => names.iter_mut().for_each(&mut *each),
        _ => {}
    }
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            Part::ToolCall(call) => each(&mut call.name),
            Part::ToolResult(result) => result.name.iter_mut().for_each(&mut *each),
            _ => {}
        }
    }
}

fn call_id(hash: u128) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let letter = |nth: u32| LETTERS[(hash >> (5 * nth)) as usize % LETTERS.len()] as char;
    let letters: String = (0..16).map(letter).collect();
    format!("call_{letters}")
}

/// FNV-1a of 128 bits: what was made of a name in one release is made of it in every other.
fn hash<const N: usize>(pieces: [&[u8]; N]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = pieces.into_iter().flatten();
    bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
#[path = "names_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
