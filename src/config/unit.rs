//! Durations and sizes as operators write them.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 9] = [
    ("", 1),
    ("b", 1),
    ("bytes", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// `20ms`, `300s`, `5m`, `1h`, `90d`.
pub fn duration(text: &str) -> Option<Duration> {
    scaled(text, &DURATIONS).map(Duration::from_millis)
}

/// `32MiB`, `512 KiB`, `10MB`, `4096`. Units of two letters count in thousands.
pub fn size(text: &str) -> Option<u64> {
    scaled(&text.to_ascii_lowercase(), &SIZES)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The duration in its largest whole unit.
pub(crate) fn spell(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (name, factor) = DURATIONS
        .into_iter()
        .rev()
        .find(|(_, factor)| millis > 0 && millis.is_multiple_of(u128::from(*factor)))
        .unwrap_or(("s", 1_000));
    format!("{}{name}", millis / u128::from(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("300s", Some(300_000)),
            ("5m", Some(300_000)),
            ("20ms", Some(20)),
            ("90d", Some(7_776_000_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("300", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 h 5m", None),
            ("5M", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, millis) in cases {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_mega() {
        let cases = [
            ("32MiB", Some(32 << 20)),
            ("32 MiB", Some(32 << 20)),
            ("10MB", Some(10_000_000)),
            ("1GiB", Some(1 << 30)),
            ("8gib", Some(8 << 30)),
            ("4096", Some(4096)),
            ("12 bytes", Some(12)),
            ("1.5MiB", None),
            ("MiB", None),
            ("32M", None),
            ("18446744073709551615GiB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_duration_is_spelt_in_its_largest_whole_unit() {
        for text in ["20ms", "1500ms", "300s", "1h", "90d", "0s"] {
            let read = duration(text).map(spell);
            let expected = if text == "300s" { "5m" } else { text };
            assert_eq!(read.as_deref(), Some(expected));
        }
    }
}
