//! `compile` says what is wrong; it never panics.

use proptest::prelude::*;

use super::*;

const SEEDS: [&str; 2] = [
    include_str!("../../../../conf/tollgate.yaml"),
    include_str!("../../fixtures/every_key.yaml"),
];

/// Values that have surprised parsers.
const ODD: [&str; 24] = [
    "null",
    "~",
    "true",
    "-1",
    "0",
    "1e400",
    ".nan",
    ".inf",
    "18446744073709551616",
    "''",
    "' '",
    "[]",
    "{}",
    "[[]]",
    "{a: {b: }}",
    "${",
    "${X}",
    "${X:-}",
    "$${",
    "!tag x",
    "\"\\u0000\"",
    "*nowhere",
    "99999999999999999999d",
    "é\u{202e}",
];

/// Lines of a seed, each with its setting active, some of them with another value, doubled, moved or gone.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        0..6_u8,
        prop::sample::select(ODD.to_vec()),
    );
    (
        0..SEEDS.len(),
        any::<bool>(),
        prop::collection::vec(edit, 0..8),
    )
        .prop_map(|(seed, active, edits)| {
            let mut lines: Vec<String> = SEEDS[seed].lines().map(str::to_string).collect();
            if active {
                for line in &mut lines {
                    *line = line.replacen('#', "", 1);
                }
            }
            for (at, kind, odd) in edits {
                let at = at.index(lines.len());
                match kind {
                    0 => drop(lines.remove(at)),
                    1 => lines.insert(at, lines[at].clone()),
                    2 => lines[at].insert_str(0, "  "),
                    3 => lines[at] = lines[at].trim_start().to_string(),
                    _ => {
                        if let Some((key, _)) = lines[at].split_once(':') {
                            lines[at] = format!("{key}: {odd}");
                        }
                    }
                }
                if lines.is_empty() {
                    break;
                }
            }
            lines.join("\n")
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_configurations_never_panic(yaml in mutated()) {
        let _ = said(&yaml);
    }

    #[test]
    fn arbitrary_text_never_panics(yaml in "[ -~\\n\\t\u{e9}]{0,200}") {
        let _ = said(&yaml);
    }

    #[test]
    fn arbitrary_environments_never_panic(value in "\\PC{0,40}") {
        let env = |_: &str| Some(value.clone());
        for seed in SEEDS {
            let _ = compile_with(seed, &env);
        }
    }

    #[test]
    fn an_error_is_reported_whenever_it_does_not_compile(yaml in mutated()) {
        if let Err(problems) = compile_with(&yaml, &env) {
            prop_assert!(problems.iter().any(Problem::is_error));
        }
    }
}
