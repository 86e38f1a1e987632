//! What a channel changes on the way: statuses, headers, the body.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use serde_json::value::RawValue;

use crate::reader::Field;
use crate::snapshot::BodyRules;

/// Headers that frame the message or that the gateway must know: a changed one would break it.
const FORBIDDEN: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "accept-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "proxy-connection",
    "expect",
];

/// Body keys that decide how the answer is read and billed.
const GUARDED: [(&str, &str); 2] = [
    ("model", "use model_map to send another name"),
    ("stream", "the caller decides how the answer comes"),
];

/// `status_map`: upstream status -> the status it is judged as.
pub(super) fn status_map(field: &Field<'_>) -> HashMap<u16, u16> {
    let status = 100..=599;
    let mut map = HashMap::new();
    for (from, to) in field.entries() {
        let from = from
            .trim()
            .parse()
            .ok()
            .filter(|from| status.contains(from));
        if from.is_none() {
            to.error("not a status", "map a number from 100 to 599 to another");
        }
        if let (Some(from), Some(judged)) = (from, to.integer(status.clone())) {
            if from >= 400 && judged < 400 {
                to.error(
                    "makes an answer of an error",
                    "map an error to a status from 400 on",
                );
            }
            map.insert(from, judged);
        }
    }
    map
}

/// `headers.set` and `headers.remove`.
pub(super) struct Headers {
    pub(super) set: Vec<(HeaderName, HeaderValue)>,
    pub(super) remove: Vec<HeaderName>,
}

pub(super) fn headers(field: &Field<'_>) -> Headers {
    let mut map = field.map();
    let set: Vec<_> = map
        .take("set")
        .entries()
        .into_iter()
        .filter_map(|(name, value)| Some((header_name(&value, name)?, header_value(&value)?)))
        .collect();
    let remove: Vec<_> = map
        .take("remove")
        .list()
        .iter()
        .filter_map(|item| header_name(item, item.word("header name")?))
        .collect();
    map.finish();
    Headers { set, remove }
}

fn header_name(field: &Field<'_>, name: &str) -> Option<HeaderName> {
    let Ok(known) = name.parse::<HeaderName>() else {
        field.error("not a header name", "letters, digits and - only");
        return None;
    };
    if FORBIDDEN.contains(&known.as_str()) {
        field.error("a header the gateway sets itself", "leave it out");
        return None;
    }
    Some(known)
}

/// The value may be a credential: it is never repeated.
fn header_value(field: &Field<'_>) -> Option<HeaderValue> {
    let text = field.text();
    if text.is_none() && field.is_absent() {
        field.error("a header without a value", "write one, or use remove");
    }
    let Ok(mut value) = HeaderValue::from_str(text?.trim()) else {
        field.error(
            "not a header value",
            "take line breaks and control characters out",
        );
        return None;
    };
    value.set_sensitive(true);
    Some(value)
}

/// `body`: what is removed, defaulted and set, in this order.
pub(super) fn body(field: &Field<'_>) -> BodyRules {
    let mut map = field.map();
    let remove = map
        .take("remove")
        .list()
        .iter()
        .filter_map(|item| {
            let key = item.word("key")?;
            guard(item, key);
            Some(key.to_string())
        })
        .collect();
    let default = values(&map.take("default"));
    let set = values(&map.take("set"));
    map.finish();
    BodyRules {
        remove,
        default,
        set,
    }
}

fn values(field: &Field<'_>) -> Vec<(String, Box<RawValue>)> {
    field
        .entries()
        .into_iter()
        .filter_map(|(key, value)| {
            guard(&value, key);
            Some((key.to_string(), value.json()?))
        })
        .collect()
}

fn guard(field: &Field<'_>, key: &str) {
    if let Some((_, hint)) = GUARDED.iter().find(|(guarded, _)| *guarded == key) {
        field.warn(
            format!("changes `{key}` of every request behind the gateway's back"),
            *hint,
        );
    }
}
