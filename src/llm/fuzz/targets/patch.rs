//! Whatever a caller sends: what goes upstream parses, names one model, and is stable.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::dialect::Quirks;
use llm::prepare::{Prepare, prepare};
use llm::{Format, Operation, ask};
use serde_json::Value;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, body)) = bytes.split_first() else {
        return;
    };
    let format = Format::ALL[usize::from(choice & 3)];
    let bit = |n: u8| choice >> n & 1 == 1;
    let operation = match (bit(2), bit(3)) {
        (false, _) => Operation::Chat,
        (true, false) => Operation::Count,
        (true, true) => Operation::Completion,
    };
    let quirks = if bit(4) {
        Quirks::TABLE
            .iter()
            .fold(Quirks::NONE, |all, (_, quirk)| all.with(*quirk))
    } else {
        Quirks::NONE
    };
    let (remove, set) = match bit(5) {
        true => (
            vec!["a".to_owned()],
            vec![(
                "b".to_owned(),
                RawValue::from_string("[1]".to_owned()).unwrap(),
            )],
        ),
        false => (Vec::new(), Vec::new()),
    };
    let system_prompt = if bit(6) { "be \"kind\"" } else { "" };
    let run = |body: &Bytes| {
        let ask = ask::read(format, operation, body)?;
        assert!(ask.input_bytes <= body.len() as u64 && ask.choices > 0);
        prepare(
            body,
            &Prepare {
                format,
                operation,
                ask: &ask,
                model: "upstream/model",
                quirks,
                wish: None,
                ask_usage: bit(7),
                remove: &remove,
                default: &[],
                set: &set,
                system_prompt,
            },
        )
    };
    let body = Bytes::copy_from_slice(body);
    let Ok(once) = run(&body) else {
        return;
    };
    llm::scan::check(&once).expect("the result is JSON");
    // Lone surrogates pass, and only serde_json's typed reading minds them.
    if let Ok(value) = serde_json::from_slice::<Value>(&once) {
        assert!(format == Format::Gemini || value["model"] == "upstream/model");
    }
    let keys = llm::fields::Fields::read(&once).expect("an object");
    assert_eq!(
        keys.iter(&once).count(),
        keys.list().len(),
        "no key stands twice"
    );
    if system_prompt.is_empty() {
        assert_eq!(run(&once).expect("readable again"), once);
    }
});
