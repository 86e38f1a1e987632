//! Amounts of money as integers of 10^-9 USD.
//!
//! No float touches an amount: text is read digit by digit, and a number from YAML or JSON is taken
//! only when its shortest decimal spelling is certainly what was written.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Decimal places of an amount.
const PLACES: usize = 9;

/// How many 10^-9 USD make one.
pub const NANOS_PER_USD: i64 = 1_000_000_000;

/// A binary float keeps every decimal of up to this many significant digits (IEEE 754 double:
/// `f64::DIGITS`), so its shortest spelling is the one that was written.
const EXACT_FLOAT_DIGITS: usize = f64::DIGITS as usize;

/// An amount in 10^-9 USD; up to about 9.2 thousand million USD either way.
///
/// Written and read as USD with nine decimals: `"0.005600000"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Nanos {
    /// Nothing.
    pub const ZERO: Nanos = Nanos(0);
    /// The largest amount; where saturating sums end.
    pub const MAX: Nanos = Nanos(i64::MAX);

    /// The sum, or `None` beyond the range: for balances, where a wrong sum is worse than a refusal.
    pub fn checked_add(self, other: Nanos) -> Option<Nanos> {
        self.0.checked_add(other.0).map(Nanos)
    }

    /// The difference, or `None` beyond the range.
    pub fn checked_sub(self, other: Nanos) -> Option<Nanos> {
        self.0.checked_sub(other.0).map(Nanos)
    }

    /// The sum, stopping at the ends of the range: for statistics and upper bounds.
    pub fn saturating_add(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }

    /// The difference, stopping at the ends of the range.
    pub fn saturating_sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let unit = NANOS_PER_USD.unsigned_abs();
        write!(f, "{sign}{}.{:09}", amount / unit, amount % unit)
    }
}

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Something else than `[-]digits[.digits]`.
    #[error("not a decimal number like 0.0056")]
    NotDecimal,
    /// Digits after the ninth decimal.
    #[error("finer than 0.000000001 USD")]
    TooFine,
    /// More than an amount can hold.
    #[error("larger than 9223372036 USD")]
    TooLarge,
}

impl FromStr for Nanos {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(BadAmount::NotDecimal),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(BadAmount::NotDecimal);
        }
        // Zeros at the end say nothing, however many there are.
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > PLACES {
            return Err(BadAmount::TooFine);
        }
        let sign = if negative { -1 } else { 1 };
        let padding = std::iter::repeat_n(b'0', PLACES - fraction.len());
        whole
            .bytes()
            .chain(fraction.bytes())
            .chain(padding)
            .try_fold(0i64, |amount, byte| {
                amount
                    .checked_mul(10)?
                    .checked_add(sign * i64::from(byte - b'0'))
            })
            .map(Nanos)
            .ok_or(BadAmount::TooLarge)
    }
}

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UsdVisitor)
    }
}

/// Reads USD from `"0.0056"`, `25` or `0.0056`.
struct UsdVisitor;

impl Visitor<'_> for UsdVisitor {
    type Value = Nanos;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in USD like 0.0056")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Nanos, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, usd: i64) -> Result<Nanos, E> {
        usd.checked_mul(NANOS_PER_USD)
            .map(Nanos)
            .ok_or_else(|| E::custom(BadAmount::TooLarge))
    }

    fn visit_u64<E: de::Error>(self, usd: u64) -> Result<Nanos, E> {
        i64::try_from(usd)
            .map_err(|_| E::custom(BadAmount::TooLarge))
            .and_then(|usd| self.visit_i64(usd))
    }

    fn visit_f64<E: de::Error>(self, usd: f64) -> Result<Nanos, E> {
        let text = usd.to_string();
        let significant = text.trim_start_matches(['-', '0', '.']);
        let digits = significant.bytes().filter(u8::is_ascii_digit).count();
        if digits > EXACT_FLOAT_DIGITS {
            return Err(E::custom(
                "too many digits for a bare number; write it as a string",
            ));
        }
        self.visit_str(&text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<i64, BadAmount> {
        text.parse::<Nanos>().map(|amount| amount.0)
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("25", 25_000_000_000),
            ("0.0056", 5_600_000),
            ("0.000000001", 1),
            ("-0.5", -500_000_000),
            ("1.10000000000000000000", 1_100_000_000),
            ("000.1", 100_000_000),
            ("9223372036.854775807", i64::MAX),
            ("-9223372036.854775808", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for text in [
            "", "-", ".", ".5", "5.", "+1", "1e3", "1,5", " 1", "--1", "0x1", "NaN", "١",
        ] {
            assert_eq!(parse(text), Err(BadAmount::NotDecimal), "{text:?}");
        }
        assert_eq!(parse("0.0000000001"), Err(BadAmount::TooFine));
        for text in [
            "9223372036.854775808",
            "-9223372036.854775809",
            "99999999999999999999999",
        ] {
            assert_eq!(parse(text), Err(BadAmount::TooLarge), "{text}");
        }
    }

    #[test]
    fn json_takes_strings_and_numbers_and_gives_nine_places() {
        let read = |json: &str| serde_json::from_str::<Nanos>(json).map(|amount| amount.0);
        assert_eq!(read(r#""0.0056""#).unwrap(), 5_600_000);
        assert_eq!(read("25").unwrap(), 25_000_000_000);
        assert_eq!(read("-3").unwrap(), -3_000_000_000);
        assert_eq!(read("0.1").unwrap(), 100_000_000);
        assert_eq!(read("1e-7").unwrap(), 100);
        assert_eq!(read("2.50").unwrap(), 2_500_000_000);
        assert!(
            read("1234567.123456789012").is_err(),
            "beyond what a float keeps"
        );
        for wrong in ["1e300", "18446744073709551615", "true", "null", "1e-12"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            serde_json::to_string(&Nanos(5_600_000)).unwrap(),
            r#""0.005600000""#
        );
    }

    #[test]
    fn sums_say_when_they_do_not_fit() {
        assert_eq!(Nanos::MAX.checked_add(Nanos(1)), None);
        assert_eq!(Nanos(i64::MIN).checked_sub(Nanos(1)), None);
        assert_eq!(Nanos(2).checked_sub(Nanos(3)), Some(Nanos(-1)));
        assert_eq!(Nanos::MAX.saturating_add(Nanos(1)), Nanos::MAX);
        assert_eq!(Nanos(5).saturating_sub(Nanos(2)), Nanos(3));
    }

    proptest! {
        #[test]
        fn every_amount_survives_its_own_spelling(nanos: i64) {
            prop_assert_eq!(parse(&Nanos(nanos).to_string()), Ok(nanos));
        }

        #[test]
        fn bare_numbers_mean_what_is_written(cents in -1_000_000_000_000i64..1_000_000_000_000) {
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let from_number: Nanos = serde_json::from_str(&text).unwrap_or(Nanos::MAX);
            // Amounts beyond the range are refused by both spellings.
            prop_assert_eq!(text.parse::<Nanos>().unwrap_or(Nanos::MAX), from_number);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }
    }
}
