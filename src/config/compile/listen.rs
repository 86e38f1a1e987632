//! Addresses to listen on: how they look, and that no two are the same.

use std::net::IpAddr;
use std::path::PathBuf;

use super::environment::Environment;
use crate::reader::Field;
use crate::snapshot::Listen;

const HINT: &str = "write host:port, like 0.0.0.0:3000, 127.0.0.1:3000 or [::]:3000";

/// The addresses taken so far and where they were given.
#[derive(Default)]
pub(super) struct Addresses(Vec<(String, u16, String)>);

/// `gateway.listen`: one or a list, or the port of the environment.
pub(super) fn gateway(
    field: Field<'_>,
    environment: &Environment<'_>,
    addresses: &mut Addresses,
) -> Vec<Listen> {
    if let Some(port) = environment.instead_of(&field, "PORT") {
        let port = port.integer(0..=u16::MAX).unwrap_or(3000);
        addresses.add(&field, "0.0.0.0", port);
        return vec![Listen {
            address: format!("0.0.0.0:{port}"),
            tls: None,
        }];
    }
    if !field.is_list() {
        return vec![one(&field, "0.0.0.0:3000", addresses)];
    }
    let items = field.list();
    if items.is_empty() {
        field.error("nowhere to listen", "name at least one address");
    }
    items
        .iter()
        .map(|item| one(&item.clone().required(HINT), "0.0.0.0:3000", addresses))
        .collect()
}

/// `address`, or a map of `address` and `tls`.
pub(super) fn one(field: &Field<'_>, default: &str, addresses: &mut Addresses) -> Listen {
    if !field.is_map() {
        return Listen {
            address: address(field, default, addresses),
            tls: None,
        };
    }
    let mut map = field.map();
    let at = map.take("address").required(HINT);
    let listen = Listen {
        address: address(&at, default, addresses),
        tls: tls(&map.take("tls")),
    };
    map.finish();
    listen
}

/// As `one`, for a listener of the gateway's operators.
pub(super) fn plain(field: &Field<'_>, default: &str, addresses: &mut Addresses) -> Listen {
    let listen = one(field, default, addresses);
    if listen.tls.is_some() {
        field.error(
            "TLS is not served here, only on gateway.listen",
            "listen on 127.0.0.1, or put a proxy that speaks TLS in front",
        );
    }
    listen
}

fn tls(field: &Field<'_>) -> Option<(PathBuf, PathBuf)> {
    if field.is_absent() {
        return None;
    }
    let mut map = field.map();
    let files = ["cert", "key"].map(|key| {
        map.take(key)
            .required("name a PEM file: TLS needs both a certificate and its key")
            .word("file name")
            .map(PathBuf::from)
    });
    map.finish();
    let [cert, key] = files;
    Some((cert?, key?))
}

fn address(field: &Field<'_>, default: &str, addresses: &mut Addresses) -> String {
    let text = match field.word("address") {
        Some(text) => text,
        None if field.is_absent() => default,
        None => return default.to_string(),
    };
    match split(text) {
        Some((host, port)) => addresses.add(field, host, port),
        None => field.error("not an address to listen on", HINT),
    }
    text.to_string()
}

/// Host without brackets, and port.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(v6) => matches!(v6.parse(), Ok(IpAddr::V6(_))),
        None => is_name(host) || host.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    is_host.then_some((bare.unwrap_or(host), port))
}

/// A host name (RFC 1123), which four numbers are not.
pub(super) fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= 253
        && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
        && !host
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether only this machine can reach it.
pub(super) fn is_loopback(address: &str) -> bool {
    split(address).is_some_and(|(host, _)| {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

impl Addresses {
    /// Notes an address, and reports one that would find its port taken.
    fn add(&mut self, field: &Field<'_>, host: &str, port: u16) {
        let any = |host: &str| host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        let same = |(other, taken, _): &&(String, u16, String)| {
            port != 0 && *taken == port && (other == host || any(other) || any(host))
        };
        if let Some((_, _, path)) = self.0.iter().find(same) {
            field.error(
                format!("port {port} is already taken by {path}"),
                "give each listener its own port",
            );
        }
        self.0
            .push((host.to_string(), port, field.path().to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let good = [
            "0.0.0.0:3000",
            "127.0.0.1:0",
            "[::]:3000",
            "[::1]:1",
            "localhost:65535",
            "gw-1.internal:80",
        ];
        for address in good {
            assert!(split(address).is_some(), "{address}");
        }
        let bad = [
            "3000",
            ":3000",
            "0.0.0.0",
            "0.0.0.0:",
            "0.0.0.0:65536",
            "0.0.0.0:+80",
            "::1:80",
            "[::1]",
            "[1.2.3.4]:80",
            "1.2.3:80",
            "256.1.1.1:80",
            "http://a:80",
            "a b:80",
            "",
        ];
        for address in bad {
            assert!(split(address).is_none(), "{address}");
        }
    }

    #[test]
    fn loopback_is_only_this_machine() {
        for address in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.com:1"] {
            assert!(!is_loopback(address), "{address}");
        }
    }
}
