//! The scanner accepts exactly what serde_json accepts, and reads the same members.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use llm::fields::{Fields, Unreadable};
use llm::scan::{self, Flaw};
use llm::tokens;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<&RawValue>(bytes);
    let ours = scan::check(bytes);
    if ours.is_err_and(|malformed| malformed.flaw == Flaw::Depth) {
        return;
    }
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?} {theirs:?}");
    for format in llm::Format::ALL {
        tokens::input(format, bytes);
    }
    match Fields::read(bytes) {
        Ok(fields) => {
            // Keys that are no text (lone surrogates) are refused by serde_json alone.
            let Ok(map) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) else {
                return;
            };
            assert_eq!(fields.iter(bytes).count(), map.len());
            for (name, value) in fields.iter(bytes) {
                assert_eq!(map[&*name].get().as_bytes(), value);
            }
        }
        Err(Unreadable::NotAnObject) => assert!(theirs.is_ok()),
        Err(Unreadable::TooMany) => {}
        Err(Unreadable::Malformed(_)) => assert!(theirs.is_err()),
    }
});
