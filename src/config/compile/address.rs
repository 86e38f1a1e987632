//! Where an upstream is: `base_url` and `endpoints`.

use std::time::Duration;

use http::Uri;

use super::listen::is_name;
use super::sections::TIMER;
use crate::reader::Field;
use crate::snapshot::{Balance, Base, Endpoints};

const HINT: &str = "write https://host, with a path when the upstream has one";
const PERIOD: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=*TIMER.end();

/// A URL in parts: the base, and a query where one is allowed.
pub(super) struct Address {
    pub(super) base: Base,
    pub(super) query: String,
}

/// What `base_url` may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The start of addresses.
    Base,
    /// The whole address of every request.
    Exact,
}

/// Reads a URL. A wrong one is told without repeating it: it may hold a password.
pub(super) fn read(field: &Field<'_>, kind: Kind) -> Option<Address> {
    let text = field.word("URL")?;
    match parse(text, kind) {
        Ok(address) => {
            if kind == Kind::Base {
                warn_of_a_whole_address(field, &address.base.path);
            }
            Some(address)
        }
        Err((what, hint)) => {
            field.error(what, hint);
            None
        }
    }
}

/// The provider's own address, from its row.
pub(super) fn builtin(url: &str) -> Option<Address> {
    parse(url, Kind::Base).ok()
}

fn parse(text: &str, kind: Kind) -> Result<Address, (&'static str, &'static str)> {
    let uri: Uri = text.parse().map_err(|_| ("not a URL", HINT))?;
    let https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        Some(_) => return Err(("neither http nor https", HINT)),
        None => return Err(("a URL without http:// or https://", HINT)),
    };
    let authority = uri.authority().ok_or(("a URL without a host", HINT))?;
    if authority.as_str().contains('@') {
        return Err((
            "a URL with a user or password",
            "put the credential into keys",
        ));
    }
    if text.contains('#') {
        return Err(("a URL with a fragment", "leave out what follows the #"));
    }
    let query = uri.query().unwrap_or_default();
    if kind == Kind::Base && !query.is_empty() {
        return Err((
            "a URL with a query",
            "leave out what follows the ?; azure has options.api_version, and exact_url: true takes a whole address",
        ));
    }
    let (host, port) =
        host_and_port(authority, https).ok_or(("a URL with no usable host or port", HINT))?;
    Ok(Address {
        base: Base {
            https,
            port,
            authority: spelled(&host, port, https),
            host,
            path: path(&uri, kind),
        },
        query: query.to_string(),
    })
}

fn host_and_port(authority: &http::uri::Authority, https: bool) -> Option<(String, u16)> {
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let valid = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host) || host.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    // `host:` and `host:99999` have a colon and no port that http could read.
    let port = match authority.as_str().strip_prefix(host)? {
        "" => Some(if https { 443 } else { 80 }),
        _ => authority.port_u16().filter(|port| *port != 0),
    };
    let host = bare.unwrap_or(host).to_ascii_lowercase();
    Some((valid.then_some(host)?, port?))
}

/// What the `Host` header says: RFC 9110 section 7.2.
fn spelled(host: &str, port: u16, https: bool) -> String {
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_string(),
    };
    match port == if https { 443 } else { 80 } {
        true => host,
        false => format!("{host}:{port}"),
    }
}

fn path(uri: &Uri, kind: Kind) -> String {
    match kind {
        Kind::Exact => uri.path().to_string(),
        Kind::Base => uri.path().trim_end_matches('/').to_string(),
    }
}

fn warn_of_a_whole_address(field: &Field<'_>, path: &str) {
    const ENDS: [&str; 5] = [
        "/chat/completions",
        "/completions",
        "/responses",
        "/messages",
        ":generateContent",
    ];
    if ENDS.iter().any(|end| path.ends_with(end)) {
        field.warn(
            "looks like the whole address of a request, and a path will be appended",
            "take the end off, or add exact_url: true",
        );
    }
}

/// Replicas: `endpoints`, `balance`, `health_check`.
pub(super) fn endpoints(
    list: &Field<'_>,
    balance: &Field<'_>,
    health_check: &Field<'_>,
) -> Option<Endpoints> {
    if list.is_absent() {
        for field in [balance, health_check] {
            if !field.is_absent() {
                field.warn(
                    "no effect without endpoints",
                    "list the replicas in endpoints",
                );
            }
        }
    }
    let way = balance.one_of(&[
        ("round_robin", Balance::RoundRobin),
        ("random", Balance::Random),
        ("consistent", Balance::Consistent),
    ]);
    let health_check = health(health_check);
    let items = list.list();
    if items.is_empty() && !list.is_absent() && !list.is_bad() {
        list.error("no replica", "list at least one URL, or use base_url");
    }
    let bases: Vec<Base> = items
        .iter()
        .filter_map(|item| read(&item.clone().required(HINT), Kind::Base))
        .map(|address| address.base)
        .collect();
    for (index, base) in bases.iter().enumerate() {
        if bases[..index].contains(base) {
            list.error(
                format!("{} is listed twice", base.authority),
                "list each replica once",
            );
        }
        if base.https != bases[0].https || base.path != bases[0].path {
            list.error(
                "replicas that differ in scheme or path",
                "make separate channels of them",
            );
            break;
        }
    }
    (!bases.is_empty()).then(|| Endpoints {
        bases,
        balance: way.unwrap_or(Balance::RoundRobin),
        health_check,
    })
}

fn health(field: &Field<'_>) -> Option<(String, Duration)> {
    if field.is_absent() {
        return None;
    }
    let mut map = field.map();
    let path = map.take("path");
    let text = path.word("path").unwrap_or("/health");
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !text.starts_with('/') || !plain {
        path.error("not a path", "begin with a slash: /health");
    }
    let interval = map.take("interval").duration(PERIOD);
    map.finish();
    Some((text.to_string(), interval.unwrap_or(Duration::from_secs(5))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn base(url: &str) -> Base {
        parse(url, Kind::Base)
            .map(|address| address.base)
            .map_err(|(what, _)| what)
            .unwrap()
    }

    #[test]
    fn a_url_is_taken_apart() {
        let cases = [
            (
                "https://api.openai.com",
                true,
                "api.openai.com",
                443,
                "api.openai.com",
                "",
            ),
            (
                "https://API.openai.com/",
                true,
                "api.openai.com",
                443,
                "api.openai.com",
                "",
            ),
            (
                "http://10.0.0.5:8000/v1/",
                false,
                "10.0.0.5",
                8000,
                "10.0.0.5:8000",
                "/v1",
            ),
            ("http://[::1]:80/a/b", false, "::1", 80, "[::1]", "/a/b"),
            (
                "https://[fd00::2]:8443",
                true,
                "fd00::2",
                8443,
                "[fd00::2]:8443",
                "",
            ),
            (
                "http://model_server:443",
                false,
                "model_server",
                443,
                "model_server:443",
                "",
            ),
        ];
        for (url, https, host, port, authority, path) in cases {
            let expected = Base {
                https,
                host: host.into(),
                port,
                authority: authority.into(),
                path: path.into(),
            };
            assert_eq!(base(url), expected, "{url}");
        }
    }

    #[test]
    fn an_exact_url_keeps_its_path_and_query() {
        let address = parse("https://h/a/b/?x=1&y", Kind::Exact)
            .map_err(|(what, _)| what)
            .unwrap();
        assert_eq!(
            (address.base.path.as_str(), address.query.as_str()),
            ("/a/b/", "x=1&y")
        );
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        let bad = [
            "api.openai.com",
            "ftp://a",
            "https://",
            "https:///v1",
            "https://u:p@host",
            "https://h?x=1",
            "https://h/#f",
            "https://h:99999",
            "https://h:",
            "https://h:0",
            "https://[::1",
            "https://[1.2.3.4]",
            "http://256.1.1.1",
            "https://a b",
            "https://exa$mple.com",
            "/v1",
            "https",
        ];
        for url in bad {
            assert!(parse(url, Kind::Base).is_err(), "{url}");
        }
    }
}
