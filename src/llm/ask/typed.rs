//! Reads single fields in the types their format gives them.

use super::bad::{BadAsk, kind};
use crate::fields::{members, text};

/// Longest model name. Provider names stay far below; it bounds what is copied and logged.
pub const MAX_MODEL_BYTES: usize = 512;

pub(super) fn model(value: &[u8]) -> Result<String, BadAsk> {
    let wrong = |problem| BadAsk::Value {
        field: "model",
        problem,
    };
    if value.first() != Some(&b'"') {
        return Err(BadAsk::Type {
            field: "model",
            wanted: "a string",
            found: kind(value),
        });
    }
    let name =
        text(value).ok_or_else(|| wrong("is not valid Unicode; send the name of a model"))?;
    match &*name {
        "" => Err(wrong("is empty; name the model to use")),
        name if name.len() > MAX_MODEL_BYTES => {
            Err(wrong("is longer than 512 bytes; send the name of a model"))
        }
        name if name.contains(char::is_control) => {
            Err(wrong("holds control characters; send the name of a model"))
        }
        _ => Ok(name.into_owned()),
    }
}

pub(super) fn flag(field: &'static str, value: &[u8]) -> Result<bool, BadAsk> {
    match value {
        b"true" => Ok(true),
        b"false" | b"null" => Ok(false),
        other => Err(BadAsk::Type {
            field,
            wanted: "true or false",
            found: kind(other),
        }),
    }
}

pub(super) fn stream_options(value: &[u8]) -> Result<bool, BadAsk> {
    object_or_null("stream_options", value)?;
    let mut wants_usage = false;
    members(value, |name, _, value| {
        if name == "include_usage" {
            wants_usage = value == b"true";
        }
    });
    Ok(wants_usage)
}

pub(super) fn object_or_null(field: &'static str, value: &[u8]) -> Result<(), BadAsk> {
    match value.first() {
        Some(b'{' | b'n') => Ok(()),
        _ => Err(BadAsk::Type {
            field,
            wanted: "an object",
            found: kind(value),
        }),
    }
}

pub(super) fn count(field: &'static str, value: &[u8]) -> Result<Option<u64>, BadAsk> {
    let wanted = "a whole number, zero or more";
    if value == b"null" {
        return Ok(None);
    }
    let digits = std::str::from_utf8(value).unwrap_or_default();
    match digits.parse() {
        Ok(count) => Ok(Some(count)),
        Err(_) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(BadAsk::Value {
            field,
            problem: "is too large; send a number of tokens a model can have",
        }),
        Err(_) => Err(BadAsk::Type {
            field,
            wanted,
            found: kind(value),
        }),
    }
}

/// Google's JSON reads a 32-bit integer from any spelling of a whole number, also from a string
/// (protobuf.dev, "ProtoJSON Format").
pub(super) fn int32(field: &'static str, value: &[u8]) -> Result<Option<u64>, BadAsk> {
    let unquoted = text(value);
    let spelled = unquoted.as_deref().map_or(value, str::as_bytes);
    let whole = std::str::from_utf8(spelled)
        .ok()
        .and_then(|number| number.parse::<f64>().ok());
    match whole {
        Some(number) if number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(&number) => {
            Ok(Some(number as u64))
        }
        _ => count(field, value),
    }
}
