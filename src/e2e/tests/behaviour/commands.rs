//! The commands besides `serve`, and the hand-over from one process to the next.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use e2e::{CALLER_KEY, Counts, Dialect, Ended, Gate, Gateway, Setup, Upstream, altered, channel};
use serde_json::json;

fn tollgate(folder: &Path, arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(e2e::process::tollgate())
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn two_channels() -> Setup {
    let row = |name: &str, priority: i32| {
        let more = json!({ "priority": priority, "models": ["gpt-4o"] });
        altered(channel(name, "http://127.0.0.1:9", Dialect::Chat), more)
    };
    let other = altered(
        channel("elsewhere", "http://127.0.0.1:9", Dialect::Chat),
        json!({ "models": ["o3"] }),
    );
    Setup::new()
        .channel(row("later", 1))
        .channel(row("sooner", 2))
        .channel(other)
}

#[test]
fn certificates_that_cannot_be_used_are_told_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let tls = json!({ "cert": "none.pem", "key": "none.pem" });
    let listen = json!({ "listen": [{ "address": "127.0.0.1:0", "tls": tls }] });
    let broken = altered(
        channel("c", "https://127.0.0.1:9", Dialect::Chat),
        json!({ "tls": { "ca": "none.pem" } }),
    );
    let setup = Setup::new()
        .channel(broken)
        .with(json!({ "gateway": listen }));
    std::fs::write(folder.path().join("t.yaml"), setup.text()).unwrap();
    let check = tollgate(folder.path(), &["check", "--config", "t.yaml"], "");
    assert_eq!(check.status.code(), Some(1), "{}", said(&check));
    for path in [
        "gateway.listen[0].tls.cert: none.pem",
        "channels.c.tls.ca: none.pem",
    ] {
        assert!(said(&check).contains(path), "{}", said(&check));
    }
    let serve = tollgate(folder.path(), &["serve", "--config", "t.yaml"], "");
    assert_eq!(serve.status.code(), Some(1), "{}", said(&serve));
    assert!(said(&serve).contains("gateway.listen[0].tls.cert"));
}

#[test]
fn check_prints_the_routes_of_a_good_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.yaml"), two_channels().text()).unwrap();
    let output = tollgate(folder.path(), &["check", "--config", "t.yaml"], "");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("gpt-4o") && said.contains("sooner"), "{said}");
    assert!(
        !said.contains(CALLER_KEY) && !said.contains("sk-upstream"),
        "{said}"
    );
    assert!(
        !folder.path().join("tollgate.db").exists(),
        "checking leaves nothing behind"
    );
}

#[test]
fn check_prints_every_problem_at_once_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let bad = two_channels().with(json!({
        "gateway": { "retrise": 3, "max_body": "a lot" },
        "tokens": [{ "name": "a", "key": "${NO_SUCH_VARIABLE}" }],
        "groups": { "default": { "limits": { "rpm": 0 } } },
    }));
    std::fs::write(folder.path().join("t.yaml"), bad.text()).unwrap();
    let output = tollgate(folder.path(), &["check", "--config", "t.yaml"], "");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for path in [
        "gateway.retrise",
        "gateway.max_body",
        "NO_SUCH_VARIABLE",
        "groups.default.limits.rpm",
    ] {
        assert!(said.contains(path), "{path}: {said}");
    }
    let output = tollgate(folder.path(), &["serve", "--config", "t.yaml"], "");
    assert_eq!(
        output.status.code(),
        Some(1),
        "serve refuses what check refuses"
    );
    let output = tollgate(folder.path(), &["check", "--config", "none.yaml"], "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn explain_tells_the_order_and_why_others_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.yaml"), two_channels().text()).unwrap();
    for (token, input) in [(CALLER_KEY, ""), ("e2e", ""), ("-", CALLER_KEY)] {
        let arguments = [
            "explain", "--config", "t.yaml", "--token", token, "--model", "gpt-4o",
        ];
        let output = tollgate(folder.path(), &arguments, input);
        let said = said(&output);
        assert!(output.status.success(), "{token}: {said}");
        let place = |name: &str| said.find(name).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(place("sooner") < place("later"), "{said}");
        place("elsewhere");
        assert!(!said.contains(CALLER_KEY), "{said}");
    }
    let arguments = [
        "explain", "--config", "t.yaml", "--token", "nobody", "--model", "gpt-4o",
    ];
    assert_eq!(
        tollgate(folder.path(), &arguments, "").status.code(),
        Some(1)
    );
}

#[test]
fn a_port_that_is_taken_is_one_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let setup = two_channels().with(json!({ "gateway": { "listen": address } }));
    std::fs::write(folder.path().join("t.yaml"), setup.text()).unwrap();
    let output = tollgate(folder.path(), &["serve", "--config", "t.yaml"], "");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&address) && !said.contains("panicked"),
        "{said}"
    );
}

/// SIGQUIT hands the sockets to a process started with `--upgrade`: nobody is refused, what is
/// in flight is finished by the old one.
#[tokio::test]
async fn a_new_process_takes_over_without_a_refused_connection() {
    let upstream = Upstream::start().await;
    let counts = Counts::of(3, 2);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let setup = Setup::one(&upstream.url(), Dialect::Chat)
        .with(json!({ "gateway": { "listen": address, "drain": "20s" } }));
    let mut old = Gateway::start(setup).await;
    let gate = Gate::new();
    upstream.then(
        Dialect::Chat
            .stream(&["one ", "two"], counts)
            .gated_at(2, &gate),
    );
    let mut stream = old.stream(Dialect::Chat).await;
    stream.first_text(Dialect::Chat).await;

    let mut command = Command::new(e2e::process::tollgate());
    command
        .args(["serve", "--config", "tollgate.yaml", "--upgrade"])
        .current_dir(old.folder.path())
        .env_clear();
    let new = e2e::process::Process::start(command);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    old.process.signal("QUIT");

    upstream.always(Dialect::Chat.whole("x", counts));
    let mut asked = 0;
    let start = std::time::Instant::now();
    while new.values("listening gateway=").is_empty() || asked < 20 {
        old.ask(Dialect::Chat).await.is(200);
        asked += 1;
        assert!(
            start.elapsed() < e2e::upstream::PATIENCE,
            "the new one listens:\n{}",
            new.log()
        );
    }
    assert_eq!(new.values("listening gateway="), [address]);
    gate.open();
    let (ended, _) = stream.whole().await;
    assert_eq!(ended, Ended::Properly);
    assert!(
        stream.text().ends_with("data: [DONE]\n\n"),
        "{}",
        stream.text()
    );
    assert!(old.process.exited().await.success());
    old.ask(Dialect::Chat).await.is(200);
}

#[tokio::test]
async fn the_ledger_is_verified_against_its_records() {
    let upstream = Upstream::start().await;
    upstream.always(Dialect::Chat.whole("x", Counts::of(100, 20)));
    let setup = Setup::one(&upstream.url(), Dialect::Chat)
        .with(json!({ "models": { "m": { "price": { "input": 1, "output": 10 } } } }));
    let gateway = Gateway::start(setup).await;
    let answer = gateway.ask(Dialect::Chat).await;
    gateway.record(answer.is(200).id()).await;

    let folder = gateway.folder.path();
    let verify = || {
        tollgate(
            folder,
            &["ledger", "verify", "--config", "tollgate.yaml"],
            "",
        )
    };
    let (good, told) = (verify(), said(&verify()));
    assert!(good.status.success(), "{told}");
    assert!(told.contains("every sum is what its records say"), "{told}");

    let store = rusqlite::Connection::open(folder.join("tollgate.db")).unwrap();
    store
        .execute(
            "UPDATE purses SET spent = spent - 1 WHERE account = 'key:yaml:e2e'",
            [],
        )
        .unwrap();
    let (bad, told) = (verify(), said(&verify()));
    assert_eq!(bad.status.code(), Some(1), "{told}");
    let named = "spent by yaml:e2e: 0.000299999 USD, but its records say 0.000300000 USD";
    assert!(told.contains(named), "{told}");
}

#[test]
fn check_says_how_exact_budgets_are() {
    let folder = tempfile::tempdir().unwrap();
    let check = |setup: Setup| {
        std::fs::write(folder.path().join("t.yaml"), setup.text()).unwrap();
        said(&tollgate(
            folder.path(),
            &["check", "--config", "t.yaml"],
            "",
        ))
    };
    let limited = json!({ "name": "b", "key": "sk-budget-0123456789", "budget": 25 });
    let told = check(two_channels().token(limited));
    assert!(
        told.contains("keys with a budget: 1; a node takes at most 1.00 USD")
            && told.contains("at most 1.00 USD per node that is cut off"),
        "{told}"
    );
    let other = check(two_channels().with(json!({ "billing": { "lease": "0.25" } })));
    assert!(other.contains("at most 0.25 USD per node"), "{other}");
}
