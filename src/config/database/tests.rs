//! Every form of an address, and what is said of broken ones.

use secrecy::ExposeSecret;

use super::*;

fn server(text: &str) -> Server {
    match text.parse::<Address>() {
        Ok(Address::Postgres(server) | Address::MySql(server)) => server,
        other => panic!("{text}: {other:?}"),
    }
}

fn check(text: &str, host: Host, account: (&str, Option<&str>), database: &str) -> Server {
    let server = server(text);
    assert_eq!(server.host, host, "{text}");
    let password = server.password.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!((server.user.as_str(), password), account, "{text}");
    assert_eq!(server.database, database, "{text}");
    server
}

fn tcp(host: &str, port: u16) -> Host {
    Host::Tcp(host.into(), port)
}

#[test]
fn urls_are_understood() {
    let plain = check(
        "postgres://u:p@db.example/tollgate",
        tcp("db.example", 5432),
        ("u", Some("p")),
        "tollgate",
    );
    assert_eq!(plain.tls, Tls::Prefer);
    check("POSTGRESQL://u@h:6543/d", tcp("h", 6543), ("u", None), "d");
    check(
        "postgres://u@[::1]:6543/d",
        tcp("::1", 6543),
        ("u", None),
        "d",
    );
    check("postgres://u@[::1]/d", tcp("::1", 5432), ("u", None), "d");
    check(
        "postgres://u%40x:p%2F%3f%25%3A@h/d%20d",
        tcp("h", 5432),
        ("u@x", Some("p/?%:")),
        "d d",
    );
    check(
        "postgres://u:a@b:c@h/d",
        tcp("h", 5432),
        ("u", Some("a@b:c")),
        "d",
    );
    let socket = Host::Socket("/run/postgresql".into(), 5433);
    check(
        "postgres://u@/d?host=/run/postgresql&port=5433",
        socket.clone(),
        ("u", None),
        "d",
    );
    check(
        "postgres://u@%2Frun%2Fpostgresql:5433/d",
        socket,
        ("u", None),
        "d",
    );
    let plain = check("mysql://u:p@h/d", tcp("h", 3306), ("u", Some("p")), "d");
    assert_eq!(plain.tls, Tls::Disable);
    check(
        "mariadb://u@h:3307/d?charset=utf8mb4",
        tcp("h", 3307),
        ("u", None),
        "d",
    );
    let socket = Host::Socket("/run/m.sock".into(), 3306);
    check(
        "mysql://u@localhost/d?socket=/run/m.sock",
        socket,
        ("u", None),
        "d",
    );
}

#[test]
fn the_form_of_go_is_understood() {
    check(
        "root:pa:ss/w@rd?@tcp(db:3307)/oneapi?charset=utf8mb4&parseTime=True&loc=Local",
        tcp("db", 3307),
        ("root", Some("pa:ss/w@rd?")),
        "oneapi",
    );
    check(
        "root@tcp(db)/oneapi",
        tcp("db", 3306),
        ("root", None),
        "oneapi",
    );
    check(
        "root@tcp([fe80::1]:3307)/x",
        tcp("fe80::1", 3307),
        ("root", None),
        "x",
    );
    let socket = Host::Socket("/run/m.sock".into(), 3306);
    check(
        "root:p@unix(/run/m.sock)/x",
        socket,
        ("root", Some("p")),
        "x",
    );
}

#[test]
fn the_words_of_libpq_are_understood() {
    check(
        r"host=h port=6543 user=u password='a b\'c\\' dbname=d sslmode=disable TimeZone=UTC",
        tcp("h", 6543),
        ("u", Some(r"a b'c\")),
        "d",
    );
    let socket = Host::Socket("/run/postgresql".into(), 5432);
    check(
        "user=u  dbname=d host=/run/postgresql",
        socket,
        ("u", None),
        "d",
    );
}

#[test]
fn encryption_is_asked_for_in_three_dialects() {
    for (text, tls) in [
        ("postgres://u@h/d?sslmode=disable", Tls::Disable),
        ("postgres://u@h/d?sslmode=require", Tls::Require),
        ("postgres://u@h/d?sslmode=verify-ca", Tls::VerifyCa),
        ("mysql://u@h/d?ssl-mode=VERIFY_IDENTITY", Tls::VerifyFull),
        ("mysql://u@h/d?sslmode=preferred", Tls::Prefer),
        ("u@tcp(h)/d?tls=true", Tls::VerifyFull),
        ("u@tcp(h)/d?tls=skip-verify", Tls::Require),
        ("u@tcp(h)/d?tls=false", Tls::Disable),
    ] {
        assert_eq!(server(text).tls, tls, "{text}");
    }
    let pinned = server("postgres://u@h/d?sslmode=verify-full&sslrootcert=/etc/ca.pem");
    assert_eq!(pinned.ca, Some("/etc/ca.pem".into()));
}

#[test]
fn broken_addresses_say_what_is_broken_and_never_the_password() {
    for (text, what) in [
        ("", "not a store"),
        ("secret", "not a store"),
        ("oracle://u:secret@h/d", "not a store"),
        ("sqlite://", "not a store"),
        ("sqlite:secret.db", "not a store"),
        ("sqlite://secret.db?mode=ro", "options"),
        ("postgres://", "without a user"),
        ("postgres://u:secret@h", "without a database"),
        ("postgres://u:secret@h/", "without a database"),
        ("postgres://:secret@h/d", "without a user"),
        ("postgres://u:secret@/d", "without a host"),
        ("postgres://u:secret@h:x/d", "bad port"),
        ("postgres://u:secret@h:0/d", "bad port"),
        ("postgres://u:se/cret@h/d", "bad port"),
        ("postgres://u:secret%2@h/d", "%-encoding"),
        ("postgres://u:secret%FF@h/d", "%-encoding"),
        ("postgres://u:secret@a,b/d", "several hosts"),
        ("postgres://u:secret@h/d?sslmode=maybe", "unknown sslmode"),
        ("postgres://u:secret@h/d?search_path=x", "not understood"),
        ("postgres://u%00:secret@h/d", "NUL"),
        ("mysql://u:x?secret@h/d", "bad port"),
        ("u:secret@tcp(h:3306)", "form of Go"),
        ("u:secret@tcp(h:x)/d", "bad port"),
        ("u:secret@tcp(h)/", "without a database"),
        ("u:secret@tcp(h)/d?tls=custom", "unknown tls"),
        ("host=h user=u password='secret dbname=d", "open quote"),
        ("host=h user=u secret", "broken word"),
        ("host=h user=u password=secret", "without a database"),
    ] {
        let error = text.parse::<Address>().expect_err(text);
        assert!(error.what.contains(what), "{text}: {error}");
        assert!(
            !format!("{error:?}").contains("secret"),
            "{text}: {error:?}"
        );
    }
    let good = format!("{:?}", server("postgres://u:secret@h/d"));
    assert!(!good.contains("secret"), "{good}");
}
