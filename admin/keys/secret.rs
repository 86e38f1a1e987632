//! A new gateway key.

use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Random characters: 285 bits.
const LENGTH: usize = 48;
/// What shows of a key: so many characters of its beginning, `sk-` included, and of its end.
const BEGIN: usize = 7;
const END: usize = 4;

/// A key that is shown once and kept as its hash.
pub(super) struct NewKey {
    pub(super) text: String,
    pub(super) hash: [u8; 32],
    pub(super) hint: String,
}

impl NewKey {
    /// By the randomness of the operating system.
    pub(super) fn new() -> Result<NewKey, Problem> {
        let mut text = String::from("sk-");
        while text.len() < "sk-".len() + LENGTH {
            let mut byte = [0];
            OsRng.try_fill_bytes(&mut byte).map_err(|error| {
                tracing::error!(%error, "the system has no random numbers");
                Problem::internal()
            })?;
            // Bytes beyond the last whole round would make the first letters likelier.
            let rounds = 256 / LETTERS.len() * LETTERS.len();
            let byte = usize::from(byte[0]);
            if byte < rounds {
                text.push(char::from(LETTERS[byte % LETTERS.len()]));
            }
        }
        Ok(NewKey {
            hash: Sha256::digest(text.as_bytes()).into(),
            hint: format!("{}…{}", &text[..BEGIN], &text[text.len() - END..]),
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_long_random_and_hardly_shown() {
        let keys: Vec<NewKey> = (0..200).map(|_| NewKey::new().expect("a key")).collect();
        let texts: HashSet<&str> = keys.iter().map(|key| &*key.text).collect();
        assert_eq!(texts.len(), keys.len());
        let letters: HashSet<char> = texts.iter().flat_map(|text| text[3..].chars()).collect();
        assert_eq!(letters.len(), LETTERS.len(), "all letters occur");
        for key in &keys {
            assert_eq!(key.text.len(), 51);
            assert!(
                key.text
                    .starts_with(key.hint.split('…').next().unwrap_or("?"))
            );
            assert_eq!(key.hint.chars().count(), 12);
            assert_eq!(key.hash, <[u8; 32]>::from(Sha256::digest(&key.text)));
        }
    }
}
