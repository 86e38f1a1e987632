//! What may stand after the `?` of an address.

use super::{BadAddress, Draft, Kind, Tls};

/// The gateway decides these itself: times are integers, texts UTF-8, and every wait has its bound.
const OURS: [&str; 22] = [
    "allowCleartextPasswords",
    "allowNativePasswords",
    "allowOldPasswords",
    "application_name",
    "charset",
    "checkConnLiveness",
    "clientFoundRows",
    "client_encoding",
    "collation",
    "connect_timeout",
    "interpolateParams",
    "loc",
    "maxAllowedPacket",
    "multiStatements",
    "parseTime",
    "readTimeout",
    "rejectReadOnly",
    "timeout",
    "timezone",
    "TimeZone",
    "writeTimeout",
    "wait_timeout",
];

const MODES: &str = "write one of disable, prefer, require, verify-ca, verify-full";

/// Sets one option; what is not understood must not be ignored.
pub(super) fn set(name: &str, value: &str, draft: &mut Draft) -> Result<(), BadAddress> {
    match name {
        "sslmode" | "ssl-mode" | "ssl_mode" => draft.tls = mode(value)?,
        "tls" if draft.kind == Kind::MySql => draft.tls = go_mode(value)?,
        "sslrootcert" | "ssl-ca" | "ssl_ca" => draft.ca = Some(value.into()),
        "host" if draft.kind == Kind::Postgres => draft.set_host(value),
        "port" if draft.kind == Kind::Postgres => draft.set_port(value)?,
        "socket" if draft.kind == Kind::MySql => draft.socket = Some(value.into()),
        _ if OURS.contains(&name) => {}
        // Its name is not repeated: an unencoded `?` makes the end of a password look like one.
        _ => {
            return Err(BadAddress::new(
                "a store with an option that is not understood",
                "known are sslmode, sslrootcert and, for a socket, host (PostgreSQL) or socket \
                 (MySQL); in a password write ? as %3F and & as %26",
            ));
        }
    }
    Ok(())
}

/// PostgreSQL's words, and MySQL's `VERIFY_IDENTITY` and its like.
fn mode(value: &str) -> Result<Tls, BadAddress> {
    Ok(
        match value.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Tls::Disable,
            "allow" | "prefer" | "preferred" => Tls::Prefer,
            "require" | "required" => Tls::Require,
            "verify-ca" => Tls::VerifyCa,
            "verify-full" | "verify-identity" => Tls::VerifyFull,
            _ => return Err(BadAddress::new("a store with an unknown sslmode", MODES)),
        },
    )
}

/// The Go driver's words.
fn go_mode(value: &str) -> Result<Tls, BadAddress> {
    Ok(match value.to_ascii_lowercase().as_str() {
        "false" | "0" => Tls::Disable,
        "preferred" => Tls::Prefer,
        "skip-verify" => Tls::Require,
        "true" | "1" => Tls::VerifyFull,
        _ => {
            return Err(BadAddress::new(
                "a store with an unknown tls",
                "write one of false, preferred, skip-verify, true",
            ));
        }
    })
}
