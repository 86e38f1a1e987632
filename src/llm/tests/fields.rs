//! Writes down what becomes of every field for every other format, by trying: `FIELDS.md`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::path::Path;

use llm::Format;
use llm::convert::{Asked, Target, convert};
use llm::dialect::Quirks;
use llm::loss::Strictness;
use serde_json::{Map, Value};

const SAMPLES: &str = include_str!("../fixtures/fields.json");

/// The models that are asked: what a field becomes also depends on what the model can do.
const MODELS: [(Format, &str); 4] = [
    (Format::Chat, "gpt-5.2"),
    (Format::Responses, "gpt-5.2"),
    (Format::Messages, "claude-sonnet-4-5"),
    (Format::Gemini, "gemini-3-pro"),
];

const HEAD: &str = "# What becomes of every field

Requests that go to an upstream of the caller's own format are not converted: every field reaches it.
For the others this table says what becomes of each field, found out by trying (`tests/fields.rs`; set
`TOLLGATE_WRITE_FIELDS=1` to write it anew after a change). Models: gpt-5.2, claude-sonnet-4-5,
gemini-3-pro; others differ in what they can do (`traits/`).

- **M**: it is carried over.
- **H**: a hint. The answer keeps its shape and its promise without it; it is dropped and named in
  `x-tollgate-dropped` when receipts are on.
- **B**: a hint that bends the answer. Dropped and named when the conversion is `lenient`, refused when
  it is `strict`.
- **X**: a contract. Without it the caller would get or believe something else: 400, naming the field and
  the reason.
";

#[test]
fn the_table_of_fields_is_true() {
    let samples: Map<String, Value> = serde_json::from_str(SAMPLES).unwrap();
    let mut table = HEAD.to_owned();
    for from in Format::ALL {
        let of = &samples[from.as_str()];
        let targets: Vec<_> = MODELS.iter().filter(|(to, _)| *to != from).collect();
        let names: Vec<&str> = targets.iter().map(|(to, _)| to.as_str()).collect();
        writeln!(table, "\n## {from}\n\n| field | {} |", names.join(" | ")).unwrap();
        writeln!(table, "|---|{}", "---|".repeat(names.len())).unwrap();
        for (field, sample) in of["fields"].as_object().unwrap() {
            let mut body = of["base"].clone();
            merge(&mut body, sample);
            let classes: Vec<&str> = targets
                .iter()
                .map(|(to, model)| class(from, &of["base"], &body, *to, model))
                .collect();
            writeln!(table, "| {field} | {} |", classes.join(" | ")).unwrap();
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("FIELDS.md");
    if std::env::var_os("TOLLGATE_WRITE_FIELDS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written == table,
        "FIELDS.md is out of date: TOLLGATE_WRITE_FIELDS=1 writes it anew"
    );
}

fn class(from: Format, base: &Value, body: &Value, to: Format, model: &str) -> &'static str {
    let lost = |body, strictness| converted(from, body, to, model, strictness);
    let before = lost(base, Strictness::Lenient).unwrap();
    match (
        lost(body, Strictness::Lenient),
        lost(body, Strictness::Strict),
    ) {
        (None, _) => "X",
        (Some(dropped), strict) if dropped != before => match strict {
            Some(_) => "H",
            None => "B",
        },
        (Some(_), None) => "B",
        (Some(_), Some(_)) => "M",
    }
}

/// The names of what was dropped; `None` where the request is refused.
fn converted(
    from: Format,
    body: &Value,
    format: Format,
    model: &str,
    strictness: Strictness,
) -> Option<Vec<String>> {
    let to = Target {
        format,
        model,
        quirks: Quirks::NONE,
        strictness,
        max_output: None,
        default_output: 4096,
    };
    let asked = Asked {
        model: "asked",
        stream: body["stream"] == true,
        wish: None,
    };
    let converted = convert(from, body.to_string().as_bytes(), &asked, &to).ok()?;
    Some(converted.dropped.iter().map(ToString::to_string).collect())
}

/// Puts a sample into a request: objects are merged, everything else replaced.
fn merge(into: &mut Value, sample: &Value) {
    match (into, sample) {
        (Value::Object(into), Value::Object(sample)) => {
            for (key, value) in sample {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, sample) => *into = sample.clone(),
    }
}
