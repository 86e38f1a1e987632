//! What the frame machines make of odd streams, and that no cut changes it.

use bytes::Bytes;
use proptest::prelude::*;

use super::json_array::{self, Place};
use super::{MAX_FRAME_BYTES, TooLarge, sse};

/// Name, data and extent of every event, with the body cut at the given places.
fn read(body: &[u8], cuts: &[usize]) -> Vec<(String, Option<String>, std::ops::Range<u64>)> {
    let mut reader = sse::Reader::new();
    let mut events = Vec::new();
    let mut each = |event: sse::Event| {
        let extent = event.extent();
        let raw = &body[extent.start as usize..extent.end as usize];
        assert_eq!(raw, &event.raw()[..], "the extent names other bytes");
        let data = event
            .data()
            .map(|data| String::from_utf8_lossy(data).into_owned());
        events.push((
            String::from_utf8_lossy(event.name()).into_owned(),
            data,
            extent,
        ));
    };
    for piece in pieces(body, cuts) {
        reader.push(&piece, &mut each).unwrap();
    }
    reader.finish(&mut each);
    reader.finish(&mut each);
    events
}

pub(crate) fn pieces(body: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| Bytes::copy_from_slice(&body[pair[0]..pair[1]]))
        .collect()
}

fn every_byte(body: &[u8]) -> Vec<usize> {
    (0..body.len()).collect()
}

/// The data of every event; the same whole and byte by byte.
#[track_caller]
fn check(body: &str, expected: &[&str]) {
    for cuts in [vec![], every_byte(body.as_bytes())] {
        let events = read(body.as_bytes(), &cuts);
        let data: Vec<&str> = events
            .iter()
            .filter_map(|event| event.1.as_deref())
            .collect();
        assert_eq!(data, expected, "of {body:?}");
    }
}

#[test]
fn all_line_ends_end_a_line() {
    check("data: 1\n\ndata: 2\n\n", &["1", "2"]);
    check("data: 1\r\n\r\ndata: 2\r\n\r\n", &["1", "2"]);
    check("data: 1\r\rdata: 2\n\n", &["1", "2"]);
    check("data: 1\n\r\ndata: 2\r\n\n", &["1", "2"]);
}

#[test]
fn a_byte_order_mark_and_a_missing_blank_are_no_matter() {
    check("\u{FEFF}data:{\"x\":1}\n\n", &["{\"x\":1}"]);
    check("data:  two\n\n", &[" two"]);
    check("data\n\n", &[""]);
}

#[test]
fn several_data_lines_join_with_a_line_feed() {
    check("data: {\"a\":[\ndata: 1]}\n\n", &["{\"a\":[\n1]}"]);
    check("data: a\ndata: b\ndata: c\n\n", &["a\nb\nc"]);
}

#[test]
fn comments_and_blocks_without_data_are_no_events() {
    check(
        ": PROCESSING\n\n: PROCESSING\n\ndata: 1\n\nevent: ping\n\n",
        &["1"],
    );
    check("data: 1\n: in the middle\ndata: 2\n\n", &["1\n2"]);
}

#[test]
fn the_end_of_the_body_ends_an_event_whose_data_is_whole() {
    check("data: {\"a\":1}", &["{\"a\":1}"]);
    check("data: {\"a\":1}\r\n", &["{\"a\":1}"]);
    check("data: [DONE]", &["[DONE]"]);
    check("data: {\"a\":", &[]);
}

#[test]
fn bare_json_in_the_middle_is_an_event_of_its_own() {
    let error = "{\n \"error\": {\n  \"message\": \"overloaded {x} \\\"}\"\n }\n}";
    check(&format!("data: 1\n\n{error}\n"), &["1", error]);
    check(
        &format!("data: 1\n{error}\ndata: 2\n\n"),
        &["1", error, "2"],
    );
    check(&format!("[{error}]"), &[&format!("[{error}]")]);
}

#[test]
fn an_event_within_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from_static(b"event: e\ndata: {\"a\":1}\n\ndata: 2\n\n");
    let within = chunk.as_ptr_range();
    let mut seen = 0;
    sse::Reader::new()
        .push(&chunk, |event| {
            assert!(within.contains(&event.data().unwrap().as_ptr()), "copied");
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 2);
}

#[test]
fn crlf_events_take_their_last_line_feed_with_them() {
    let events = read(b"data: 1\r\n\r\ndata: 2\r\n\r\n", &[10]);
    assert_eq!(events[0].2, 0..11);
    assert_eq!(events[1].2, 11..22);
}

#[test]
fn an_event_over_the_limit_is_an_error_for_every_cut() {
    let mut body = b"data: 1\n\ndata: ".to_vec();
    body.resize(MAX_FRAME_BYTES + 16, b'x');
    for size in [body.len(), 1 << 20] {
        let mut reader = sse::Reader::new();
        let mut events = 0;
        let result = body
            .chunks(size)
            .try_for_each(|piece| reader.push(&Bytes::copy_from_slice(piece), |_| events += 1));
        assert_eq!((result, events), (Err(TooLarge), 1));
    }
}

#[test]
fn the_boundary_is_where_an_event_may_begin() {
    let mut reader = sse::Reader::new();
    for (piece, boundary) in [
        ("", true),
        ("data: 1", false),
        ("\n", false),
        ("\n", true),
        (": comment", false),
        ("\n", true),
        ("{\"error\"", false),
        (":1}", true),
    ] {
        reader
            .push(&Bytes::from_static(piece.as_bytes()), |_| ())
            .unwrap();
        assert_eq!(reader.at_boundary(), boundary, "after {piece:?}");
    }
}

fn elements(body: &[u8], cuts: &[usize]) -> (Vec<String>, Place) {
    let mut reader = json_array::Reader::new();
    let mut found = Vec::new();
    for piece in pieces(body, cuts) {
        reader
            .push(&piece, |element| {
                found.push(String::from_utf8_lossy(&element).into_owned())
            })
            .unwrap();
    }
    (found, reader.place())
}

#[test]
fn an_array_is_cut_into_its_objects() {
    let body = b"[{\"a\":\"}],{\\\"\"},\r\n{\"b\":{\"c\":[1]}}\n]";
    for cuts in [vec![], every_byte(body)] {
        let (found, place) = elements(body, &cuts);
        assert_eq!(found, ["{\"a\":\"}],{\\\"\"}", "{\"b\":{\"c\":[1]}}"]);
        assert_eq!(place, Place::End);
    }
}

#[test]
fn an_object_without_an_array_is_an_element() {
    let (found, place) = elements(b"\n{\"error\":{}}", &[3]);
    assert_eq!((found.len(), place), (1, Place::End));
}

#[test]
fn the_place_in_an_array_is_known() {
    for (body, place) in [
        ("", Place::Start),
        ("[", Place::Open),
        ("[{", Place::Element),
        ("[{}", Place::After),
        ("[{},", Place::Comma),
        ("[{}]", Place::End),
    ] {
        assert_eq!(elements(body.as_bytes(), &[]).1, place, "after {body:?}");
    }
}

/// Pieces of streams, well formed and not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "data: {\"a\":1}",
        "data:",
        "data: x",
        "event: error",
        ": c",
        "id: 1",
        "{\"e\":\"}{\\\"\"}",
        "[",
        "]",
        "}",
        "[DONE]",
        "data: [DONE]",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\r\n\r\n",
        "\u{FEFF}",
        "世",
        ":",
        " ",
        "\"",
        "\\",
        ",",
        "{",
        "retry",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_cut_changes_the_events(body in stream(), cuts in prop::collection::vec(0usize..512, 0..8)) {
        let whole = read(&body, &[]);
        prop_assert_eq!(&read(&body, &cuts), &whole);
        prop_assert_eq!(&read(&body, &every_byte(&body)), &whole);
    }

    #[test]
    fn events_never_overlap(body in stream()) {
        let events = read(&body, &[]);
        for pair in events.windows(2) {
            prop_assert!(pair[0].2.end <= pair[1].2.start);
        }
    }

    #[test]
    fn no_cut_changes_the_elements(body in stream(), cuts in prop::collection::vec(0usize..512, 0..8)) {
        let whole = elements(&body, &[]);
        prop_assert_eq!(&elements(&body, &cuts), &whole);
        prop_assert_eq!(&elements(&body, &every_byte(&body)), &whole);
    }
}
