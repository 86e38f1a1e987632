//! Any text compiles or says what is wrong; what is wrong never repeats the environment.
#![no_main]

use config::health::LaneBook;
use config::{Problem, Sources, compile};
use libfuzzer_sys::fuzz_target;

/// Long enough that no input holds it by chance.
const SECRET: &str = "sk-0123456789-not-to-be-told";

fn env(name: &str) -> Option<String> {
    (!name.starts_with('M')).then(|| SECRET.to_string())
}

fuzz_target!(|yaml: &str| {
    let read = Sources::from_text(yaml, &env);
    let Err(problems) = read.and_then(|sources| compile(&sources, &LaneBook::new(), 1)) else {
        return;
    };
    assert!(problems.iter().any(Problem::is_error));
    for problem in problems {
        assert!(yaml.contains(SECRET) || !problem.to_string().contains(SECRET));
    }
});
