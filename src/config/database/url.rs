//! `scheme://user:password@host:port/database?options`, RFC 3986.

use super::{BadAddress, Draft, Kind, Server, options};

/// What follows `scheme://`.
pub(super) fn server(rest: &str, kind: Kind) -> Result<Server, BadAddress> {
    let mut draft = Draft::new(kind);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    // The last one: an @ in a password is often left as it is.
    let (account, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    draft.user = decoded(user)?;
    draft.set_password(decoded(password)?);
    draft.database = decoded(database)?;
    host(place, &mut draft)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        options::set(&decoded(name)?, &decoded(value)?, &mut draft)?;
    }
    draft.finish()
}

/// `host`, `host:port`, `[::1]:port`, or an encoded folder.
pub(super) fn host(place: &str, draft: &mut Draft) -> Result<(), BadAddress> {
    if place.contains(',') {
        return Err(BadAddress::new(
            "a store with several hosts",
            "name one host; put a proxy or a virtual address in front of several",
        ));
    }
    if let Some((address, rest)) = place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        draft.set_host(address);
        return match rest.strip_prefix(':') {
            Some(port) => draft.set_port(port),
            None => Ok(()),
        };
    }
    let (name, port) = match place.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (place, None),
    };
    draft.set_host(&decoded(name)?);
    port.map_or(Ok(()), |port| draft.set_port(port))
}

/// `%2F` and its like.
fn decoded(text: &str) -> Result<String, BadAddress> {
    let bad = || {
        BadAddress::new(
            "a store with a broken %-encoding",
            "write % itself as %25, and two hexadecimal digits after any other %",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}
