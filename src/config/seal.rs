//! Provider keys at rest: sealed with `encryption_key`, opened when a configuration is compiled.
//!
//! XChaCha20-Poly1305 with a random nonce: its 192 bits cannot meet by chance. The channel's name is
//! bound in, so that a sealed key is worth nothing in another row.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What every sealed text begins with.
const PREFIX: &str = "sealed:v1:";
/// Bytes of a nonce.
const NONCE: usize = 24;
/// Keeps the derived key apart from any other use of the same secret.
const KEY_OF: &[u8] = b"tollgate provider keys v1\0";
/// What a key is told by says nothing of it, and is not the key of anything.
const ID_OF: &[u8] = b"tollgate provider key id v1\0";

/// Seals with the first key of `encryption_key`, and opens with any of them.
#[derive(Clone)]
pub struct Sealer {
    /// Never empty.
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// 8 hex digits.
    id: String,
    cipher: XChaCha20Poly1305,
}

/// Why a text cannot be opened. Never holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSeal {
    /// It is not what `seal` writes.
    #[error("not a sealed key, or only a part of one")]
    Malformed,
    /// None of the keys sealed it.
    #[error("sealed with the encryption_key {id}, which is not there")]
    UnknownKey {
        /// What the missing key is told by.
        id: String,
    },
    /// It was changed, or moved from another channel.
    #[error("changed since it was sealed, or sealed for another channel")]
    Broken,
}

impl Sealer {
    /// A sealer of these keys, the one that seals first; `None` without any.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a SecretString>) -> Option<Sealer> {
        let keys: Vec<Key> = keys.into_iter().map(Key::new).collect();
        (!keys.is_empty()).then_some(Sealer { keys })
    }

    /// `secret` as only `open` with the same channel can read it.
    pub fn seal(&self, channel: &str, secret: &str) -> String {
        let mut bytes = vec![0; NONCE];
        rand::rng().fill(&mut bytes[..]);
        let key = &self.keys[0];
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: channel.as_bytes(),
        };
        let sealed = key.cipher.encrypt(XNonce::from_slice(&bytes), payload);
        bytes.extend(sealed.expect("fails only beyond 256 GiB"));
        format!("{PREFIX}{}:{}", key.id, BASE64.encode(bytes))
    }

    /// What was sealed for the channel.
    ///
    /// # Errors
    /// When the text is no sealed one, or none of the keys opens it.
    pub fn open(&self, channel: &str, text: &str) -> Result<SecretString, BadSeal> {
        let (id, sealed) = parts(text).ok_or(BadSeal::Malformed)?;
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| BadSeal::UnknownKey { id: id.into() })?;
        let bytes = BASE64.decode(sealed).map_err(|_| BadSeal::Malformed)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(BadSeal::Malformed)?;
        let payload = Payload {
            msg: sealed,
            aad: channel.as_bytes(),
        };
        let opened = key.cipher.decrypt(XNonce::from_slice(nonce), payload);
        let opened = opened.map_err(|_| BadSeal::Broken)?;
        let secret = String::from_utf8(opened).map_err(|_| BadSeal::Broken)?;
        Ok(secret.into())
    }

    /// Whether the text is sealed, with whatever key.
    pub fn is_sealed(text: &str) -> bool {
        parts(text).is_some()
    }

    /// Whether the text is sealed with the key that seals: others wait to be sealed anew.
    pub fn is_current(&self, text: &str) -> bool {
        parts(text).is_some_and(|(id, _)| id == self.keys[0].id)
    }
}

/// The id of the key, and what was sealed.
pub(crate) fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, sealed) = text.strip_prefix(PREFIX)?.split_once(':')?;
    let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some((id, sealed))
}

impl Key {
    fn new(secret: &SecretString) -> Key {
        let derived = Sha256::new_with_prefix(KEY_OF)
            .chain_update(secret.expose_secret())
            .finalize();
        let id = Sha256::new_with_prefix(ID_OF)
            .chain_update(derived)
            .finalize();
        Key {
            id: id[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
            cipher: XChaCha20Poly1305::new(&derived),
        }
    }
}

/// Names the keys, the one that seals first.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| &key.id);
        f.debug_list().entries(ids).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECRET: &str = "sk-upstream-0123456789";

    fn sealer(keys: &[&str]) -> Sealer {
        let keys: Vec<SecretString> = keys.iter().map(|key| (*key).into()).collect();
        Sealer::new(&keys).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_channel_only() {
        let sealer = sealer(&["one"]);
        let text = sealer.seal("openai-main", SECRET);
        assert!(Sealer::is_sealed(&text) && sealer.is_current(&text));
        assert!(!text.contains(SECRET));
        let opened = sealer.open("openai-main", &text).unwrap();
        assert_eq!(opened.expose_secret(), SECRET);
        let other = sealer.open("openai-other", &text).unwrap_err();
        assert_eq!(other, BadSeal::Broken);
        assert_ne!(text, sealer.seal("openai-main", SECRET), "nonces differ");
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = sealer(&["one"]).seal("a", SECRET);
        let rotated = sealer(&["two", "one"]);
        assert!(rotated.open("a", &old).is_ok());
        assert!(Sealer::is_sealed(&old) && !rotated.is_current(&old));
        assert!(rotated.is_current(&rotated.seal("a", SECRET)));
        let missing = sealer(&["two"]).open("a", &old).unwrap_err();
        let (id, _) = parts(&old).unwrap();
        assert_eq!(missing, BadSeal::UnknownKey { id: id.into() });
    }

    #[test]
    fn no_change_goes_unnoticed() {
        let sealer = sealer(&["one"]);
        let text = sealer.seal("a", SECRET);
        let (head, sealed) = text.split_at(PREFIX.len() + 9);
        let bytes = BASE64.decode(sealed).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = format!("{head}{}", BASE64.encode(changed));
            assert_eq!(sealer.open("a", &changed).unwrap_err(), BadSeal::Broken);
        }
        for short in ["", "AAAA", "***"] {
            let short = sealer.open("a", &format!("{head}{short}"));
            assert_eq!(short.unwrap_err(), BadSeal::Malformed);
        }
    }

    #[test]
    fn plain_texts_are_not_sealed() {
        for text in [
            "sk-1",
            "",
            "sealed:v1:",
            "sealed:v1:abc:x",
            "sealed:v2:00000000:AAAA",
        ] {
            assert!(!Sealer::is_sealed(text), "{text}");
            let bad = sealer(&["one"]).open("a", text).unwrap_err();
            assert_eq!(bad, BadSeal::Malformed);
        }
    }

    #[test]
    fn debug_tells_ids_only() {
        let text = format!("{:?}", sealer(&["a-very-secret-word"]));
        assert!(text.len() == "[\"00000000\"]".len(), "{text}");
    }
}
