//! How an entry lies in a segment: a mark, its length, its checksum, its bytes.
//!
//! ```text
//! 54 4A | length, u16 | CRC-32, u32 | payload          little endian
//! ```
//!
//! The checksum is seeded with the folder's salt, so that bytes of another journal, or those that a
//! caller puts into a model's name, are never taken for an entry.

use crc32fast::Hasher;

/// Two bytes that no text begins a frame with by chance often enough to matter.
const MARK: [u8; 2] = *b"TJ";
/// Mark, length, checksum.
pub(super) const HEAD: usize = 8;
/// Bytes of one entry at most: texts of longer ones are cut (`entry.rs`).
pub(super) const MAX_PAYLOAD: usize = 32 * 1024;

/// Leaves room for the head of a frame whose payload is appended to what is returned.
pub(super) fn begin() -> Vec<u8> {
    // Most entries have 200 to 400 bytes: one allocation.
    let mut frame = Vec::with_capacity(512);
    frame.resize(HEAD, 0);
    frame
}

/// Writes the head of a frame that `begin` began.
pub(super) fn close(frame: &mut [u8], salt: u32) {
    let Some((head, payload)) = frame.split_at_mut_checked(HEAD) else {
        return;
    };
    head[..2].copy_from_slice(&MARK);
    head[2..4].copy_from_slice(&(payload.len() as u16).to_le_bytes());
    head[4..].copy_from_slice(&checksum(payload, salt).to_le_bytes());
}

fn checksum(payload: &[u8], salt: u32) -> u32 {
    let mut hasher = Hasher::new_with_initial(salt);
    hasher.update(payload);
    hasher.finalize()
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An entry, undamaged.
    Entry(&'a [u8]),
    /// The beginning of one; whether it is undamaged only more bytes can tell.
    Partial,
    /// Something else: room not yet written, or damage.
    Nothing,
}

/// Looks at the first bytes of `bytes`.
pub(super) fn look(bytes: &[u8], salt: u32) -> Found<'_> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
        let marked = bytes.iter().zip(MARK).all(|(byte, mark)| *byte == mark);
        return if marked {
            Found::Partial
        } else {
            Found::Nothing
        };
    };
    let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
    if head[..2] != MARK || length == 0 || length > MAX_PAYLOAD {
        return Found::Nothing;
    }
    let Some(payload) = rest.get(..length) else {
        return Found::Partial;
    };
    let stated = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if stated == checksum(payload, salt) {
        Found::Entry(payload)
    } else {
        Found::Nothing
    }
}

/// Bytes to the next place where an entry may begin: at least one, all of them when there is none.
pub(super) fn skip(bytes: &[u8]) -> usize {
    let next = bytes.iter().skip(1).position(|byte| *byte == MARK[0]);
    next.map_or(bytes.len(), |at| at + 1)
}
