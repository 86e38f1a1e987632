//! What can be asked of the usage, summed up by the hour and by the day.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use ledger::Nanos;
use llm::Usage;

/// Sums in an answer at most.
pub const MAX_SUMS: usize = 10_000;

/// How long a time one sum covers. Days and hours are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Kept as long as the records of the requests.
    Hour,
    /// Kept for ever.
    Day,
}

impl Bucket {
    /// In microseconds.
    pub(crate) const fn us(self) -> i64 {
        match self {
            Bucket::Hour => 3_600_000_000,
            Bucket::Day => 24 * 3_600_000_000,
        }
    }

    /// The longest time that one question may cover.
    pub const fn longest(self) -> SignedDuration {
        match self {
            Bucket::Hour => SignedDuration::from_hours(31 * 24),
            Bucket::Day => SignedDuration::from_hours(10 * 366 * 24),
        }
    }

    /// The beginning of the bucket that holds `time`.
    pub fn start(self, time: Timestamp) -> Timestamp {
        let us = time.as_microsecond();
        // Only the first hours of the year -9999 have no whole bucket.
        Timestamp::from_microsecond(us - us.rem_euclid(self.us())).unwrap_or(Timestamp::MIN)
    }

    /// `time` itself when a bucket begins there, else the end of the bucket that holds it.
    pub fn end(self, time: Timestamp) -> Timestamp {
        let start = self.start(time);
        match start == time {
            true => time,
            false => start
                .checked_add(SignedDuration::from_micros(self.us()))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// What sums are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The asked model.
    Model,
    /// The token's name.
    Token,
    /// The token's owner.
    User,
    /// The channel that answered, or was tried last.
    Channel,
}

impl Dimension {
    /// Every one, in the order in which sums show them.
    pub const ALL: [Dimension; 4] = [
        Dimension::Model,
        Dimension::Token,
        Dimension::User,
        Dimension::Channel,
    ];

    /// The name that clients use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dimension::Model => "model",
            Dimension::Token => "token",
            Dimension::User => "user",
            Dimension::Channel => "channel",
        }
    }
}

/// Which usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSearch {
    /// In buckets that begin at this time or later.
    pub from: Timestamp,
    /// In buckets that begin before this.
    pub to: Timestamp,
    /// How long each sum is.
    pub bucket: Bucket,
    /// What it is told apart by.
    pub by: Vec<Dimension>,
}

/// Buckets that one question sums up at most, if several can be asked at once: sums of many hours take
/// long, and longer than a page should take to come.
const AT_ONCE: i64 = 240;
/// Questions at once at most: others ask too.
const QUESTIONS: i64 = 4;

impl UsageSearch {
    /// The same in as many parts as are asked at once: one after another, each of whole buckets.
    pub(crate) fn parts(&self) -> Vec<UsageSearch> {
        let (us, from) = (self.bucket.us(), self.bucket.end(self.from));
        let length = self.bucket.end(self.to).as_microsecond() - from.as_microsecond();
        let questions = (length / us / AT_ONCE + 1).clamp(1, QUESTIONS);
        let each = SignedDuration::from_micros(length / us / questions * us);
        let mut begin = self.from;
        let mut parts = Vec::new();
        for number in 1..=questions {
            let end = match from.checked_add(each * number as i32) {
                Ok(end) if number < questions => end,
                _ => self.to,
            };
            let (from, to) = (begin, end);
            parts.push(UsageSearch {
                from,
                to,
                ..self.clone()
            });
            begin = end;
        }
        parts
    }
}

/// What was used in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// When the bucket begins.
    pub at: Timestamp,
    /// The value of each asked dimension, in the order of `Dimension::ALL`; `None`: no channel was
    /// reached.
    pub names: Vec<(Dimension, Option<String>)>,
    /// Requests.
    pub requests: u64,
    /// Tokens by class.
    pub usage: Usage,
    /// What they cost.
    pub cost: Nanos,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sums {
    /// By time and then by name.
    All(Vec<Sum>),
    /// More than `MAX_SUMS`: ask for a shorter time or fewer dimensions.
    TooMany,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_search_are_whole_buckets_and_miss_none() {
        let time = |text: &str| text.parse::<Timestamp>().expect(text);
        for (from, to, bucket, count) in [
            (
                "2026-01-01T00:00:00Z",
                "2026-02-01T00:00:00Z",
                Bucket::Hour,
                4,
            ),
            (
                "2026-01-01T00:20:00Z",
                "2026-01-28T23:59:59.5Z",
                Bucket::Hour,
                3,
            ),
            (
                "2026-01-01T00:20:00Z",
                "2026-01-01T00:40:00Z",
                Bucket::Hour,
                1,
            ),
            (
                "2026-01-02T00:00:00Z",
                "2026-01-01T00:00:00Z",
                Bucket::Hour,
                1,
            ),
            (
                "2017-01-01T00:00:00Z",
                "2026-12-01T00:00:00Z",
                Bucket::Day,
                4,
            ),
            (
                "2026-01-01T00:00:00Z",
                "2026-04-01T00:00:00Z",
                Bucket::Day,
                1,
            ),
        ] {
            let whole = UsageSearch {
                from: time(from),
                to: time(to),
                bucket,
                by: vec![Dimension::Model],
            };
            let parts = whole.parts();
            assert_eq!(parts.len(), count, "{from} to {to}");
            assert_eq!((parts[0].from, parts[count - 1].to), (whole.from, whole.to));
            for pair in parts.windows(2) {
                assert_eq!(pair[0].to, pair[1].from);
                assert_eq!(
                    bucket.start(pair[0].to),
                    pair[0].to,
                    "a bucket begins there"
                );
            }
        }
    }

    #[test]
    fn buckets_begin_at_whole_hours_and_days() {
        let check = |bucket: Bucket, time: &str, start: &str, end: &str| {
            let parse = |text: &str| text.parse::<Timestamp>().expect(text);
            assert_eq!(bucket.start(parse(time)), parse(start), "{time}");
            assert_eq!(bucket.end(parse(time)), parse(end), "{time}");
        };
        let (day, next) = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
        check(Bucket::Day, day, day, day);
        check(Bucket::Day, "2026-11-21T23:59:59.9Z", day, next);
        check(
            Bucket::Hour,
            "2026-11-21T00:00:00.000001Z",
            day,
            "2026-11-21T01:00:00Z",
        );
        check(
            Bucket::Hour,
            "2026-11-21T00:00:00.000000001Z",
            day,
            "2026-11-21T01:00:00Z",
        );
        check(
            Bucket::Day,
            "1969-12-31T23:00:00Z",
            "1969-12-31T00:00:00Z",
            "1970-01-01T00:00:00Z",
        );
    }
}
