//! Any bytes in any format and framing: the cut changes neither the bytes that go out nor the
//! report, and without `hide_usage` what goes out is what came in.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::dialect::Quirks;
use llm::tap::{Framing, Report, Tap, TapOptions};
use llm::{Format, Operation};

fn through(options: TapOptions, body: &[u8], size: usize) -> (Vec<u8>, Report, bool) {
    let mut tap = Tap::new(options);
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        tap.push(&Bytes::copy_from_slice(piece), &mut out);
    }
    tap.finish(&mut out);
    (out.concat(), tap.report().clone(), tap.at_boundary())
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let format = Format::ALL[usize::from(choice & 3)];
    let framing = [Framing::Whole, Framing::Sse, Framing::JsonArray][usize::from(choice >> 2) % 3];
    for hide_usage in [false, true] {
        let options = TapOptions {
            format,
            operation: Operation::Chat,
            framing,
            quirks: Quirks::ERRORS_IN_200,
            hide_usage,
        };
        let whole = through(options, body, body.len().max(1));
        assert_eq!(through(options, body, 1), whole);
        assert_eq!(through(options, body, 5), whole);
        if !hide_usage {
            assert_eq!(whole.0, body);
        }
    }
});
