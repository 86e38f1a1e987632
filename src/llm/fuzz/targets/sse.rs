//! Any bytes, cut anywhere, give the same events and elements.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::frame::{json_array, sse};

fn events(body: &[u8], size: usize) -> Vec<(u64, u64, Option<Bytes>)> {
    let mut reader = sse::Reader::new();
    let mut found = Vec::new();
    let mut each = |event: sse::Event| {
        let extent = event.extent();
        assert_eq!(
            &body[extent.start as usize..extent.end as usize],
            &event.raw()[..]
        );
        found.push((extent.start, extent.end, event.data().cloned()));
    };
    for piece in body.chunks(size) {
        if reader
            .push(&Bytes::copy_from_slice(piece), &mut each)
            .is_err()
        {
            break;
        }
    }
    reader.finish(&mut each);
    found
}

fn elements(body: &[u8], size: usize) -> Vec<Bytes> {
    let mut reader = json_array::Reader::new();
    let mut found = Vec::new();
    for piece in body.chunks(size) {
        if reader
            .push(&Bytes::copy_from_slice(piece), |element| {
                found.push(element)
            })
            .is_err()
        {
            break;
        }
    }
    found
}

fuzz_target!(|body: &[u8]| {
    let whole = body.len().max(1);
    for size in [1, 2, 7] {
        assert_eq!(events(body, size), events(body, whole));
        assert_eq!(elements(body, size), elements(body, whole));
    }
});
