//! Lists and sums over many records: builds `ROWS` of them (100,000 unless said) in the store `STORE` (a
//! URL, `postgres` or `mariadb` for a private server, else a SQLite file) and times the questions
//! that the admin API asks. Ten million: `make bench-rows ROWS=10000000`.

mod record;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use store::{Bucket, Dimension, Search, Store, UsageSearch};

/// How much time the records are spread over.
const DAYS: i64 = 90;
const DAY_US: i64 = 86_400_000_000;
/// Records in a batch, as the writer's.
const BATCH: u64 = 500;
/// Times each question is asked.
const ROUNDS: usize = 30;

fn main() -> io::Result<()> {
    let rows = std::env::var("ROWS")
        .ok()
        .and_then(|text| text.parse().ok());
    let rows: u64 = rows.unwrap_or(100_000);
    let folder = tempfile::tempdir()?;
    let asked = std::env::var("STORE").unwrap_or_default();
    let url = match asked.as_str() {
        "" | "sqlite" => format!("sqlite://{}/bench.db", folder.path().display()),
        "postgres" => servers::postgres().database(),
        "mariadb" => servers::mariadb().database(),
        url => url.to_owned(),
    };
    let store = store::open(&url).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    build(&*store, rows, &mut out)?;
    writeln!(out, "| question | p50 ms | worst ms |\n|---|---|---|")?;
    for (name, search) in searches(rows) {
        time(&name, &mut out, || store.requests(&search).map(drop))?;
    }
    let id = record::record(rows / 2, at(rows / 2, rows)).id;
    time("one record", &mut out, || store.request(&id).map(drop))?;
    for (name, search) in sums(rows) {
        time(&name, &mut out, || store.usage(&search).map(drop))?;
    }
    Ok(())
}

/// Evenly spread, oldest first.
fn at(n: u64, rows: u64) -> i64 {
    let spread = i128::from(n) * i128::from(DAYS * DAY_US) / i128::from(rows.max(1));
    record::BEGIN_US + i64::try_from(spread).unwrap_or(i64::MAX)
}

fn build(store: &dyn Store, rows: u64, out: &mut impl Write) -> io::Result<()> {
    let begun = Instant::now();
    let mut spent = Duration::ZERO;
    for first in (0..rows).step_by(BATCH as usize) {
        let numbers = first..rows.min(first + BATCH);
        let batch: Vec<_> = numbers.map(|n| record::record(n, at(n, rows))).collect();
        let put = Instant::now();
        store.put(&batch).map_err(io::Error::other)?;
        spent += put.elapsed();
        if first % (1 << 20) < BATCH && first > 0 {
            writeln!(io::stderr(), "{first} rows after {:?}", begun.elapsed())?;
        }
    }
    let each = spent.as_secs_f64() * 1e6 / rows.max(1) as f64;
    writeln!(out, "{rows} rows over {DAYS} days, {each:.1} µs each\n")
}

fn time_of(rows: u64, part: u64) -> Timestamp {
    Timestamp::from_microsecond(at(rows * part / 10, rows)).unwrap_or_default()
}

fn searches(rows: u64) -> Vec<(String, Search)> {
    let middle = Some(time_of(rows, 5));
    let name = |text: &str| Some(text.to_owned());
    let all = Search::default;
    let list = [
        ("newest 100", all()),
        (
            "100 before the middle",
            Search {
                before: middle,
                ..all()
            },
        ),
        (
            "100 of the busiest key",
            Search {
                token: name("team-0"),
                ..all()
            },
        ),
        (
            "100 of the rarest key, before the middle",
            Search {
                token: name("team-19"),
                before: middle,
                ..all()
            },
        ),
        (
            "100 of a model",
            Search {
                model: name("gpt-4o-3"),
                ..all()
            },
        ),
        (
            "100 of a channel",
            Search {
                channel: name("openai-3"),
                ..all()
            },
        ),
        (
            "100 of a key, a model and a channel",
            Search {
                token: name("team-3"),
                model: name("gpt-4o-3"),
                channel: name("openai-2"),
                ..all()
            },
        ),
        (
            "a key nobody has",
            Search {
                token: name("nobody"),
                ..all()
            },
        ),
        (
            "newest 1,000",
            Search {
                limit: 1_000,
                ..all()
            },
        ),
    ];
    list.map(|(name, search)| (format!("list: {name}"), search))
        .to_vec()
}

fn sums(rows: u64) -> Vec<(String, UsageSearch)> {
    let end = Timestamp::from_microsecond(at(rows, rows)).unwrap_or_default();
    let over = |days: i64, bucket, by: &[Dimension]| UsageSearch {
        from: end - SignedDuration::from_hours(24 * days),
        to: end,
        bucket,
        by: by.to_vec(),
    };
    let model = &[Dimension::Model];
    let list = [
        ("90 days", over(90, Bucket::Day, &[])),
        ("90 days by model", over(90, Bucket::Day, model)),
        (
            "30 days by model and key",
            over(30, Bucket::Day, &[Dimension::Model, Dimension::Token]),
        ),
        (
            "7 days by everything",
            over(7, Bucket::Day, &Dimension::ALL),
        ),
        ("24 hours by model", over(1, Bucket::Hour, model)),
        ("7 days of hours by model", over(7, Bucket::Hour, model)),
        ("31 days of hours", over(31, Bucket::Hour, &[])),
    ];
    list.map(|(name, search)| (format!("usage: {name}"), search))
        .to_vec()
}

fn time<E: std::error::Error + Send + Sync + 'static>(
    name: &str,
    out: &mut impl Write,
    mut ask: impl FnMut() -> Result<(), E>,
) -> io::Result<()> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        ask().map_err(io::Error::other)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    writeln!(
        out,
        "| {name} | {:.1} | {:.1} |",
        times[ROUNDS / 2],
        times[ROUNDS - 1]
    )
}
