//! Who calls: the key from wherever clients put it, and what it may do.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use config::directory::{Caller, Directory};
use config::snapshot::Snapshot;
use http::HeaderMap;
use jiff::Timestamp;

use crate::query;
use crate::reject::{Cause, Refusal};

/// Most entries of `X-Forwarded-For` looked at, from the right.
const MAX_HOPS: usize = 16;

/// The key of a request, as text.
pub(crate) fn key(headers: &HeaderMap, query: &str) -> Option<String> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let authorization = || {
        let value = header("authorization")?;
        let (scheme, key) = value.split_once(' ').unwrap_or(("", value));
        let bare = !scheme.eq_ignore_ascii_case("bearer");
        // A scheme with nothing after it is no key.
        let nothing = value.eq_ignore_ascii_case("bearer");
        (!nothing).then(|| if bare { value } else { key.trim() })
    };
    let found = authorization()
        .or_else(|| header("x-api-key"))
        .or_else(|| header("x-goog-api-key"))
        .or_else(|| header("api-key"))
        .or_else(|| {
            header("sec-websocket-protocol")?
                .split(',')
                .find_map(|protocol| protocol.trim().strip_prefix("openai-insecure-api-key."))
        })
        .map(str::to_string)
        .or_else(|| query::value(query, "key").filter(|key| !key.is_empty()))?;
    (found.len() <= config::LONGEST_KEY).then_some(found)
}

/// The caller: a key of the configuration, or of the store. Unknown, disabled, expired and deleted
/// keys look the same from outside.
pub(crate) fn caller(
    snapshot: &Snapshot,
    directory: &Directory,
    key: Option<&str>,
    client: IpAddr,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let Some(key) = key else {
        return Err(Refusal::new(
            Cause::Unauthenticated,
            "no API key was sent; send it as 'Authorization: Bearer <key>', 'x-api-key' or 'x-goog-api-key'",
        ));
    };
    let hash = config::key_hash(key);
    let of_files = snapshot.tokens.get(&hash).map(|token| Caller {
        token: Arc::clone(token),
        user: None,
    });
    let caller = of_files
        .or_else(|| directory.caller(&hash, now).cloned())
        .filter(|caller| caller.token.enabled)
        .filter(|caller| caller.token.expires_at.is_none_or(|end| now < end));
    let Some(caller) = caller else {
        return Err(Refusal::new(
            Cause::Unauthenticated,
            "this API key is not valid here; check it, or ask the operator for a new one",
        ));
    };
    if !caller.token.allows_ip(client) {
        return Err(Refusal::new(
            Cause::Forbidden,
            "this API key may not be used from this address; ask the operator to allow it",
        ));
    }
    Ok(caller)
}

/// The client's address: the peer's, or the last hop of `X-Forwarded-For` that is not itself
/// a trusted proxy. Hops are read from the right: what stands further left was written by
/// strangers.
pub(crate) fn client_address(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted: &[ipnet::IpNet],
) -> IpAddr {
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    let believed = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if trusted.is_empty() || !believed(&peer) {
        return peer;
    }
    let mut client = peer;
    let hops = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let hops: Vec<&str> = hops.collect();
    for hop in hops.iter().rev().take(MAX_HOPS) {
        let Some(ip) = address(hop.trim()) else {
            return client;
        };
        client = ip;
        if !believed(&ip) {
            return client;
        }
    }
    client
}

/// An address as proxies write it: bare, in brackets, with a port.
fn address(hop: &str) -> Option<IpAddr> {
    hop.parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use config::Live;
    use config::rows::{KeyRow, PreviousKey, UserRow};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a header value"));
        }
        map
    }

    #[test]
    fn the_key_is_found_wherever_clients_put_it() {
        for pair in [
            ("authorization", "Bearer sk-1"),
            ("authorization", "bearer  sk-1"),
            ("authorization", "sk-1"),
            ("x-api-key", "sk-1"),
            ("x-goog-api-key", "sk-1"),
            ("api-key", "sk-1"),
            (
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.sk-1, openai-beta.realtime-v1",
            ),
        ] {
            assert_eq!(
                key(&headers(&[pair]), "").as_deref(),
                Some("sk-1"),
                "{pair:?}"
            );
        }
        assert_eq!(
            key(&headers(&[]), "alt=sse&key=sk%2D1").as_deref(),
            Some("sk-1")
        );
        let longest = "k".repeat(config::LONGEST_KEY);
        let sent = headers(&[("x-api-key", &longest)]);
        assert_eq!(
            key(&sent, ""),
            Some(longest),
            "as long as a configuration may have it"
        );
        assert_eq!(key(&headers(&[("authorization", "Bearer ")]), ""), None);
        assert_eq!(key(&headers(&[]), ""), None);
    }

    fn settings_of(owner: &str, settings: &str, revision: u64) -> UserRow {
        UserRow {
            name: owner.into(),
            settings: settings.into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
            revision,
        }
    }

    fn row(key: &str, settings: &str) -> KeyRow {
        KeyRow {
            id: key.into(),
            user: "ann".into(),
            name: key.into(),
            hash: config::key_hash(key),
            previous: None,
            hint: String::new(),
            settings: settings.into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
            revision: 9,
        }
    }

    #[test]
    fn keys_of_files_and_store_are_one_thing_to_a_caller() {
        let yaml = "tokens: [{name: of-file, key: sk-of-file}, {name: off, key: sk-off-file, enabled: false}]";
        let live = Live::from_text(yaml, &|_| None).unwrap_or_else(|p| panic!("{p:?}"));
        let who = |key: &str| {
            let client = IpAddr::from([127, 0, 0, 1]);
            let now = Timestamp::now();
            caller(&live.load(), &live.directory(), Some(key), client, now)
        };
        let unknown = who("sk-store").err().map(|refusal| refusal.message);
        let mut rotated = row("sk-store", "{}");
        rotated.previous = Some(PreviousKey {
            hash: config::key_hash("sk-former"),
            until: Timestamp::UNIX_EPOCH,
        });
        let keys = vec![
            rotated,
            row("sk-disabled", r#"{"enabled": false}"#),
            row("sk-expired", r#"{"expires_at": "2020-01-01"}"#),
            row("sk-elsewhere", r#"{"allow_ips": ["10.0.0.0/8"]}"#),
            row("sk-of-file", "{}"),
        ];
        let keys = keys.into_iter().map(Ok).collect();
        live.learn(vec![Ok(settings_of("ann", "{}", 1))], keys);
        let found = who("sk-store").unwrap_or_else(|refusal| panic!("{}", refusal.message));
        assert_eq!(&*found.token.id, "sk-store");
        assert_eq!(
            found.user.map(|user| user.name.to_string()).as_deref(),
            Some("ann")
        );
        let of_file = who("sk-of-file").unwrap_or_else(|refusal| panic!("{}", refusal.message));
        assert!(of_file.user.is_none(), "the files come first");
        for key in [
            "sk-disabled",
            "sk-expired",
            "sk-former",
            "sk-off-file",
            "sk-",
        ] {
            let words = who(key).err().map(|refusal| refusal.message);
            assert_eq!(words, unknown, "{key}");
        }
        let refusal = who("sk-elsewhere").expect_err("a refusal");
        assert_eq!(refusal.cause, Cause::Forbidden);
        live.learn(
            vec![Ok(settings_of("ann", r#"{"enabled": false}"#, 2))],
            vec![],
        );
        assert_eq!(
            who("sk-store").err().map(|refusal| refusal.message),
            unknown
        );
    }

    #[test]
    fn only_trusted_proxies_may_speak_for_a_client() {
        let net: Vec<ipnet::IpNet> = vec!["10.0.0.0/8".parse().expect("a net")];
        let peer = |ip: &str| Some(SocketAddr::new(ip.parse().expect("an address"), 9));
        let forwarded = headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9")]);
        let of = |from: &str, trusted: &[ipnet::IpNet]| {
            client_address(peer(from), &forwarded, trusted).to_string()
        };
        assert_eq!(of("10.0.0.1", &net), "1.2.3.4", "the last untrusted hop");
        assert_eq!(
            of("9.9.9.9", &net),
            "9.9.9.9",
            "a stranger's header is not believed"
        );
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(
            of("::ffff:10.0.0.1", &net),
            "1.2.3.4",
            "IPv4 in IPv6 is IPv4"
        );
    }
}
