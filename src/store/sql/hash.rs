//! SHA-256 sums as texts: 64 digits.

use super::Value;

/// The digits of a sum.
pub(super) fn hex(hash: &[u8; 32]) -> Value<'static> {
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::Text(digits.into())
}

/// The sum of 64 digits; nothing of anything else.
pub(super) fn hash(value: Value<'static>) -> Option<[u8; 32]> {
    let Value::Text(digits) = value else {
        return None;
    };
    let (pairs, []) = digits.as_bytes().as_chunks() else {
        return None;
    };
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<_>>>()?;
    bytes.try_into().ok()
}

fn byte(pair: &[u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_digits_are_a_sum() {
        let sum: [u8; 32] = std::array::from_fn(|n| n as u8 * 8 + 7);
        assert_eq!(hash(hex(&sum)), Some(sum));
        for digits in [
            "",
            "07",
            &"0".repeat(63),
            &"0".repeat(66),
            &format!("+7{}", "0".repeat(62)),
            &format!("é{}", "0".repeat(62)),
        ] {
            assert_eq!(
                hash(Value::Text(digits.to_owned().into())),
                None,
                "{digits}"
            );
        }
        assert_eq!(hash(Value::Null), None);
        assert_eq!(hash(Value::Int(7)), None);
    }
}
