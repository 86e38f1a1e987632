//! Entries keep what was put into them, and a lost request costs what is known of it.

use llm::{Format, Usage};
use proptest::prelude::*;

use super::super::entry::{self, Entry};
use super::super::frame::{self, Found, HEAD, MAX_PAYLOAD};
use super::super::identity::{Identity, LENGTH, Stranger};
use super::*;
use crate::money::Nanos;
use crate::record::fixtures::{hold, record};
use crate::record::{End, UsageSource};

const SALT: u32 = 7;

fn payload(frame: &[u8]) -> &[u8] {
    match frame::look(frame, SALT) {
        Found::Entry(payload) => payload,
        other => panic!("a whole frame, not {other:?}"),
    }
}

fn seen(output_bytes: u64) -> Progress {
    Progress {
        status: 200,
        attempts: 2,
        channel: "second".into(),
        upstream_format: Format::Chat,
        upstream_model: "m-2".into(),
        first_byte_ms: Some(40),
        duration_ms: 900,
        output_bytes,
    }
}

#[test]
fn every_kind_of_entry_is_read_as_it_was_written() {
    let place = Position {
        segment: 3,
        at: 1 << 40,
    };
    let kinds = [
        entry::hold(1, &hold("a"), SALT),
        entry::progress(2, &seen(77), SALT),
        entry::settlement(0, &record("b"), SALT),
        entry::stored(place, SALT),
    ];
    let read = kinds.map(|frame| entry::read(payload(&frame)).unwrap());
    let expected = [
        Entry::Hold(1, Box::new(hold("a"))),
        Entry::Progress(2, Box::new(seen(77))),
        Entry::Settlement(0, Box::new(record("b"))),
        Entry::Stored(place),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_usual_settlement_is_small() {
    let length = entry::settlement(1, &record("0192f0c1d2e374a5b6c7d8e9f0a1b2c3"), SALT).len();
    assert!(length < 200, "{length} bytes");
}

#[test]
fn texts_beyond_every_measure_are_cut_so_that_the_record_fits() {
    let mut long = record("long");
    long.error = Some("ä".repeat(40_000));
    long.model = "m".repeat(100);
    let frame = entry::settlement(1, &long, SALT);
    assert!(frame.len() <= HEAD + MAX_PAYLOAD);
    let Entry::Settlement(_, read) = entry::read(payload(&frame)).unwrap() else {
        panic!("a settlement");
    };
    assert_eq!(read.error.unwrap(), "ä".repeat(512));
    assert_eq!((read.id, read.model), (long.id, long.model));
}

#[test]
fn a_lost_request_pays_for_its_input_and_for_what_was_seen_of_the_output() {
    let nothing_seen = hold("a").lost(None);
    assert_eq!(nothing_seen.end, End::GatewayLost);
    assert_eq!((nothing_seen.status, nothing_seen.usage.output), (503, 0));
    assert_eq!(nothing_seen.cost, Nanos(250_000), "100 tokens of input");
    assert!(nothing_seen.error.is_some());

    let half_way = hold("a").lost(Some(seen(4_000)));
    assert_eq!((half_way.status, half_way.attempts), (200, 2));
    assert_eq!(half_way.channel.as_deref(), Some("second"));
    assert_eq!(half_way.usage.output, 1_000);
    assert_eq!(half_way.cost, Nanos(250_000 + 10_000_000));

    let mut count = hold("c");
    count.record.usage = Usage::default();
    count.record.usage_source = UsageSource::None;
    count.rates.request = 5;
    assert_eq!(count.lost(None).cost, Nanos::ZERO, "counting is free");
}

#[test]
fn rates_are_those_of_the_request_s_tier() {
    use crate::bill::{Price, Rates, Tier};
    let tier = |up_to, input| Tier {
        up_to,
        rates: Rates {
            input,
            output: 9,
            ..Rates::default()
        },
    };
    let price = Price {
        tiers: vec![tier(Some(100), 1), tier(None, 2)],
        request: 3,
        tools: Vec::new(),
    };
    let of = |input| HeldRates::of(&price, input, 4);
    let expected = HeldRates {
        input: 2,
        output: 9,
        request: 3,
        ratio: 4,
    };
    assert_eq!(of(101), expected);
    assert_eq!(of(100).input, 1);
    assert_eq!(HeldRates::of(&Price::default(), 1, 4).input, 0);
}

#[test]
fn another_version_is_refused_by_its_number() {
    let identity = Identity { salt: 5 };
    let bytes = identity.to_bytes();
    assert_eq!(Identity::from_bytes(&bytes), Ok(identity));
    let mut newer = bytes;
    newer[8] = 2;
    let sum = crc32fast::hash(&newer[..16]);
    newer[16..].copy_from_slice(&sum.to_le_bytes());
    let refused = Identity::from_bytes(&newer).unwrap_err();
    assert_eq!(refused, Stranger::Version(2));
    assert!(refused.to_string().contains("version is 2"), "{refused}");
    assert_eq!(Identity::from_bytes(&[0; LENGTH]), Err(Stranger::Empty));
    for flipped in 0..LENGTH {
        let mut bytes = bytes;
        bytes[flipped] ^= 1;
        assert_eq!(Identity::from_bytes(&bytes), Err(Stranger::Damaged));
    }
}

proptest! {
    #[test]
    fn any_record_survives(
        texts in proptest::array::uniform6(".{0,40}"),
        optional in proptest::array::uniform5(proptest::option::of(".{0,40}")),
        numbers: [u64; 12],
        second in -377_705_023_201i64..253_402_207_200,
        nanosecond in 0i32..1_000_000_000,
        attempts: u32, status: u16, cost: i64, stream: bool, first_byte_ms: Option<u64>,
    ) {
        let mut wanted = record("x");
        let [id, user, token, group, model, config] = texts;
        wanted.at = jiff::Timestamp::new(second, nanosecond).unwrap();
        (wanted.id, wanted.user, wanted.token) = (id, user, token);
        (wanted.group, wanted.model, wanted.config) = (group, model, config);
        let [client, upstream, channel, upstream_id, error] = optional;
        (wanted.client_request_id, wanted.upstream_model, wanted.channel) = (client, upstream, channel);
        (wanted.upstream_request_id, wanted.error) = (upstream_id, error);
        (wanted.attempts, wanted.status, wanted.cost) = (attempts, status, Nanos(cost));
        (wanted.stream, wanted.first_byte_ms) = (stream, first_byte_ms);
        [
            wanted.duration_ms, wanted.overhead_us, wanted.usage.input, wanted.usage.cache_read,
            wanted.usage.cache_write_5m, wanted.usage.cache_write_1h, wanted.usage.output,
            wanted.usage.reasoning, wanted.usage.audio_input, wanted.usage.audio_output,
            wanted.usage.image_input, wanted.usage.image_output,
        ] = numbers;
        let frame = entry::settlement(9, &wanted, SALT);
        let read = entry::read(payload(&frame)).unwrap();
        prop_assert_eq!(read, Entry::Settlement(9, Box::new(wanted)));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
        let _ = frame::look(&bytes, SALT);
        let _ = entry::read(&bytes);
        prop_assert!((1..=bytes.len().max(1)).contains(&frame::skip(&bytes).max(1)));
    }
}
