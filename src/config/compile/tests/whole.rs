//! Whole files: the default one, and one with every key there is.

use super::*;

const DEFAULT: &str = include_str!("../../../../conf/tollgate.yaml");
const EVERY_KEY: &str = include_str!("../../fixtures/every_key.yaml");

fn nothing(_: &str) -> Option<String> {
    None
}

fn everything(name: &str) -> Option<String> {
    let honoured = crate::source::HONOURED.contains(&name);
    (!honoured).then(|| format!("sk-value-of-{name}"))
}

/// What stands behind `#` without one space is a setting; see the head of the file.
fn with_settings_active(yaml: &str) -> String {
    let active = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let prose = |rest: &str| rest.starts_with(' ') && !rest.starts_with("  ");
        match line[indent..].strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !prose(rest) => {
                format!("{}{rest}\n", &line[..indent])
            }
            _ => format!("{line}\n"),
        }
    };
    yaml.lines().map(active).collect()
}

/// Where there are errors.
fn refused(problems: &[Problem]) -> Vec<&str> {
    let errors = problems.iter().filter(|problem| problem.is_error());
    errors.map(|problem| problem.path.as_str()).collect()
}

#[test]
fn the_default_file_starts_and_says_what_to_do_next() {
    let snapshot = compile_with(DEFAULT, &nothing).unwrap_or_else(|p| panic!("{}", lines(&p)));
    let said: Vec<&str> = snapshot
        .warnings
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        said,
        ["channels", "tokens"],
        "{}",
        lines(&snapshot.warnings)
    );
}

#[test]
fn the_default_file_says_nothing_but_defaults() {
    let (file, empty) = (compile_with(DEFAULT, &nothing).ok().unwrap(), snapshot(""));
    assert_eq!(
        format!("{:?}", file.gateway),
        format!("{:?}", empty.gateway)
    );
    assert_eq!(
        format!("{:?}", file.billing),
        format!("{:?}", empty.billing)
    );
    assert_eq!(format!("{:?}", file.log), format!("{:?}", empty.log));
    assert_eq!(
        (&file.admin.listen, &file.metrics),
        (&empty.admin.listen, &empty.metrics)
    );
    assert_eq!(file.store, empty.store);
}

#[test]
fn every_setting_of_the_default_file_is_right_when_it_is_activated() {
    let problems = compile_with(&with_settings_active(DEFAULT), &everything).err();
    assert_eq!(problems.map(|problems| lines(&problems)), None);
}

#[test]
fn the_default_file_has_every_key_there_is() {
    let keys = |yaml: &str| {
        let lines = yaml
            .lines()
            .map(|line| line.split(" #").next().unwrap_or_default());
        let words = lines.flat_map(|line| line.split(['{', ',', ' ', '-', '[']));
        let keys = words.filter_map(|word| word.strip_suffix(':'));
        keys.map(str::to_string)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let documented = keys(&with_settings_active(DEFAULT));
    let is_status = |key: &String| key.parse::<u16>().is_ok();
    for key in keys(EVERY_KEY).into_iter().filter(|key| !is_status(key)) {
        assert!(
            documented.contains(&key),
            "conf/tollgate.yaml does not show {key}"
        );
    }
}

#[test]
fn every_key_parses() {
    let problems = compile_with(EVERY_KEY, &everything).err().unwrap();
    // The one channel that shows every key cannot mean them all.
    let expected = [
        "channels.openai-main.options.api_version",
        "channels.openai-main.endpoints",
    ];
    assert_eq!(refused(&problems), expected, "{}", lines(&problems));
}
