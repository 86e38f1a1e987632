//! Lets the admin's key in, and nothing else.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::problem::Problem;
use crate::state::AdminState;

/// A refusal waits this long: with the bound on connections it leaves some five hundred
/// guesses a second.
const REFUSAL_DELAY: Duration = Duration::from_millis(250);

/// Refuses calls without the key of the configuration that runs now.
pub(crate) async fn check(
    State(state): State<AdminState>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = is_key(
        presented(request.headers()),
        state.live.load().admin.key.as_ref(),
    );
    if allowed {
        return next.run(request).await;
    }
    tracing::warn!(path = request.uri().path(), "admin call refused");
    tokio::time::sleep(REFUSAL_DELAY).await;
    Problem::unauthorized().into_response()
}

/// The bearer token (RFC 6750); schemes are case-insensitive (RFC 9110, 11.1).
fn presented(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.map_or(&b""[..], |value| value.as_bytes());
    match value.split_at_checked("bearer ".len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => b"",
    }
}

/// Digests are compared, in constant time: neither content nor length of the key shows in the
/// time it takes.
fn is_key(presented: &[u8], key: Option<&SecretString>) -> bool {
    let key = key.map_or("", ExposeSecret::expose_secret);
    let same: bool = Sha256::digest(presented).ct_eq(&Sha256::digest(key)).into();
    same && !key.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_key_is_the_key() {
        let key = SecretString::from("adm-1");
        for (presented, allowed) in [
            ("adm-1", true),
            ("adm-", false),
            ("adm-11", false),
            ("ADM-1", false),
            ("", false),
        ] {
            let presented = presented.as_bytes();
            assert_eq!(is_key(presented, Some(&key)), allowed, "{presented:?}");
        }
        let empty = SecretString::from("");
        assert!(!is_key(b"", Some(&empty)), "an empty key lets nobody in");
        assert!(!is_key(b"", None), "nor does none");
    }

    #[test]
    fn the_key_is_found_behind_its_scheme() {
        let found = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            String::from_utf8(presented(&headers).to_vec()).expect("text")
        };
        assert_eq!(found("Bearer k"), "k");
        assert_eq!(found("bearer   k "), "k");
        for other in ["k", "Basic k", "Bearer", "Bearerk", ""] {
            assert_eq!(found(other), "", "{other}");
        }
    }
}
