//! Any bytes as a request of any format: for every kind of model it is refused or becomes JSON, and
//! what was converted once is converted again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::Format;
use llm::convert::{Asked, Target, convert};
use llm::dialect::Quirks;
use llm::loss::Strictness;
use llm::suffix::split;

const MODELS: [(Format, &str); 9] = [
    (Format::Chat, "gpt-4o"),
    (Format::Chat, "gpt-5.4"),
    (Format::Chat, "deepseek-chat"),
    (Format::Responses, "gpt-5.2"),
    (Format::Messages, "claude-3-5-sonnet"),
    (Format::Messages, "claude-sonnet-4-5"),
    (Format::Messages, "claude-opus-4-8"),
    (Format::Gemini, "gemini-1.5-pro"),
    (Format::Gemini, "gemini-3-pro"),
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let from = Format::ALL[usize::from(choice & 3)];
    let asked = Asked {
        model: "asked",
        stream: choice & 4 != 0,
        wish: (choice & 8 != 0).then(|| split("m-thinking-2000").expect("a suffix").1),
    };
    for (format, model) in MODELS {
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let to = Target {
                format,
                model,
                quirks: Quirks::NONE,
                strictness,
                max_output: (choice & 16 != 0).then_some(2_000),
                default_output: 4_096,
            };
            let Ok(once) = convert(from, body, &asked, &to) else {
                continue;
            };
            serde_json::from_slice::<serde::de::IgnoredAny>(&once.body).expect("JSON");
            assert!(once.dropped.len() <= 32);
            if strictness == Strictness::Lenient {
                convert(format, &once.body, &asked, &to).expect("its own words are understood");
            }
        }
    }
});
