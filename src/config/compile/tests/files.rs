//! Files and folders.

use std::fs;
use std::path::Path;

use super::*;

fn read(path: &Path) -> Result<Snapshot, Vec<Problem>> {
    compile(&Sources::read(path, &env)?, &LaneBook::new(), 1)
}

fn problems(path: &Path) -> String {
    lines(&read(path).err().unwrap())
}

#[test]
fn a_folder_is_merged_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put(
        "20-more.yaml",
        "channels: [{name: b, provider: openai, keys: [k], models: [gpt-4o]}]\n",
    );
    put("10-first.yaml", GOOD_CHANNEL);
    put("30-gateway.yaml", "gateway: {retries: 1}\n");
    put("40-gateway.yaml", "gateway: {receipt: true}\n");
    put(".hidden.yaml", "nonsense: 1\n");
    put("notes.txt", "not: read\n");
    fs::create_dir(folder.path().join("old.yaml")).unwrap();
    let snapshot = read(folder.path()).unwrap();
    let names: Vec<&str> = snapshot
        .channels
        .iter()
        .map(|channel| &*channel.name)
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert!(snapshot.gateway.retries == 1 && snapshot.gateway.receipt);
    put(
        "50-again.yaml",
        &format!("gateway: {{retries: 2}}\n{GOOD_CHANNEL}"),
    );
    let said = problems(folder.path());
    assert!(said.contains("gateway.retries: given again in"), "{said}");
    assert!(
        said.contains("channels[2].name: the name `a` is already that of channels[0]"),
        "{said}"
    );
}

#[test]
fn every_file_that_does_not_parse_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "a: [\n").unwrap();
    fs::write(folder.path().join("b.yaml"), "b: {\n").unwrap();
    let problems = read(folder.path()).err().unwrap();
    assert_eq!(problems.len(), 2, "{}", lines(&problems));
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    assert!(problems(folder.path()).contains("no *.yaml file"));
    let file = folder.path().join("x.yaml");
    assert!(
        problems(&file).contains("not readable"),
        "{}",
        problems(&file)
    );
    fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    assert!(problems(&file).contains("not UTF-8"));
    fs::write(&file, vec![b'#'; (4 << 20) + 1]).unwrap();
    assert!(problems(&file).contains("larger than 4 MiB"));
}

#[test]
fn doubled_keys_tags_and_missing_variables_come_with_everything_else() {
    let yaml = "gateway: {retries: 1, retries: 2}\nlog: {level: !env X}\nadmin: {key: '${MISSING}'}\nbilling: {zebra: 1}\n";
    let said = lines(&said(yaml));
    for part in [
        "gateway.retries: given twice",
        "log.level: the tag !env",
        "admin.key: the environment has no variable MISSING",
        "billing.zebra: unknown key",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn what_is_no_map_is_no_configuration() {
    for yaml in ["- a\n", "just words\n", "42\n"] {
        let problems = said(yaml);
        assert_eq!(
            (problems.len(), problems[0].path.as_str()),
            (1, "the file"),
            "{yaml}"
        );
    }
}
