//! What a journal says of itself: that it is one, in which version, with which salt.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Bytes of an identity; the first entry of a segment comes right after it.
pub(super) const LENGTH: usize = 20;
const MAGIC: [u8; 8] = *b"TOLLGATE";
/// Raised whenever an entry of this program would be misread by an older one, or the reverse.
const VERSION: u32 = 1;

/// Written at the start of every file of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Seeds the checksums.
    pub(super) salt: u32,
}

/// What the start of a file is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// Nothing was written to it yet.
    #[error("nothing is in it")]
    Empty,
    /// It is damaged, or no journal at all.
    #[error("its head is damaged, or it is not a journal")]
    Damaged,
    /// Another version wrote it.
    #[error(
        "its version is {0} and this program reads {VERSION}: start the program that wrote it once more"
    )]
    Version(u32),
}

impl Identity {
    /// A new one, with a salt nobody can foresee.
    pub(super) fn new() -> Identity {
        Identity {
            salt: random() as u32,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; LENGTH]) -> Result<Identity, Stranger> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(Stranger::Empty);
        }
        let [.., a, b, c, d] = *bytes;
        let intact = u32::from_le_bytes([a, b, c, d]) == crc32fast::hash(&bytes[..16]);
        if bytes[..8] != MAGIC || !intact {
            return Err(Stranger::Damaged);
        }
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        match word(8) {
            VERSION => Ok(Identity { salt: word(12) }),
            other => Err(Stranger::Version(other)),
        }
    }
}

/// 64 bits from the system's random source, which seeds every `HashMap`.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
