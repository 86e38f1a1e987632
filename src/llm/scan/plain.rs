//! Finds where the plain part of a JSON string ends, many bytes at a time.

/// Bytes looked at in words before going over to blocks, which cost more to begin: with 32 instead,
/// a chat of short lines took half as long again.
const SHORT: usize = 128;
/// Bytes looked at together; the compiler turns the fold into vector compares.
const BLOCK: usize = 64;

/// How many bytes from the start stand in a string as they are: neither a quote, nor a
/// backslash, nor a control character.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += size_of::<u64>();
        if at == SHORT {
            at += plain_blocks(&bytes[at..]);
        }
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|&byte| is_special(byte))
        .unwrap_or(tail.len())
}

fn plain_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks
        .iter()
        .take_while(|block| {
            !block
                .iter()
                .fold(false, |any, &byte| any | is_special(byte))
        })
        .count();
    plain * BLOCK
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// The high bit of each special byte of the word. A borrow can raise false bits, but only above
/// a true one, and the lowest is all that is asked for.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_of_a_word_is_found_whatever_follows() {
        for word in [
            *b"\"\x01\\aaaaa",
            *b"aa!\"#\\[]",
            *b"\x80\xff \"aaaa",
            *b"aaaaaaa\\",
            *b"!#[]^_ ~",
        ] {
            let found = special(u64::from_le_bytes(word));
            let plain = word.iter().position(|&byte| is_special(byte));
            assert_eq!(
                (found != 0).then(|| found.trailing_zeros() as usize / 8),
                plain,
                "{word:?}"
            );
        }
    }
}
