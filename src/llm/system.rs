//! Puts an operator's system prompt before the caller's own, in the format's own place.

use crate::Format;
use crate::ask::{BadAsk, kind};
use crate::fields::{inside, members};
use crate::patch::{Patch, Splice, quoted};

/// Edits the member of `format` that holds the system prompt.
pub(crate) fn put_first(patch: &mut Patch<'_>, format: Format, prompt: &str) -> Result<(), BadAsk> {
    match format {
        Format::Chat => chat(patch, prompt),
        Format::Responses => string_or_blocks(patch, "instructions", prompt, Blocks::Refused),
        Format::Messages => string_or_blocks(patch, "system", prompt, Blocks::Text),
        Format::Gemini => gemini(patch, prompt),
    }
}

/// A message of its own: any number of system messages is allowed, and the caller's stay exact.
fn chat(patch: &mut Patch<'_>, prompt: &str) -> Result<(), BadAsk> {
    let message = format!(r#"{{"role":"system","content":{}}}"#, quoted(prompt));
    let splice = match patch.get("messages") {
        Some(messages @ [b'[', ..]) => first_element(messages, message),
        found => return Err(wrong("messages", "an array", found)),
    };
    patch.splice("messages", vec![splice]);
    Ok(())
}

enum Blocks {
    Text,
    Refused,
}

fn string_or_blocks(
    patch: &mut Patch<'_>,
    field: &'static str,
    prompt: &str,
    blocks: Blocks,
) -> Result<(), BadAsk> {
    let splice = match (patch.get(field), blocks) {
        (None | Some(b"null" | b"\"\""), _) => {
            patch.set(field, quoted(prompt));
            return Ok(());
        }
        (Some([b'"', ..]), _) => {
            let prefix = quoted(&format!("{prompt}\n\n"));
            Splice::insert(
                1,
                String::from_utf8_lossy(inside(prefix.as_bytes())).into_owned(),
            )
        }
        (Some(list @ [b'[', ..]), Blocks::Text) => first_element(
            list,
            format!(r#"{{"type":"text","text":{}}}"#, quoted(prompt)),
        ),
        (found, Blocks::Text) => {
            return Err(wrong(field, "a string or an array of text blocks", found));
        }
        (found, Blocks::Refused) => return Err(wrong(field, "a string", found)),
    };
    patch.splice(field, vec![splice]);
    Ok(())
}

/// Google reads both spellings of the field; the caller's is kept.
fn gemini(patch: &mut Patch<'_>, prompt: &str) -> Result<(), BadAsk> {
    let spellings = ["systemInstruction", "system_instruction"];
    let used = spellings
        .into_iter()
        .find(|name| patch.get(name).is_some_and(|value| value != b"null"));
    let part = format!(r#"{{"text":{}}}"#, quoted(prompt));
    let Some(field) = used else {
        patch.remove("system_instruction");
        patch.set("systemInstruction", format!(r#"{{"parts":[{part}]}}"#));
        return Ok(());
    };
    let content = match patch.get(field) {
        Some(content @ [b'{', ..]) => content,
        found => return Err(wrong(field, "an object", found)),
    };
    let (mut splices, mut any, mut bad) = (Vec::new(), false, None);
    members(content, |name, span, value| {
        any = true;
        match (name, value) {
            ("parts", [b'[', ..]) => {
                let Splice { from, with, .. } = first_element(value, part.clone());
                splices.push(Splice::insert(span.start + from, with));
            }
            ("parts", b"null") => splices.push(Splice {
                from: span.start,
                to: span.end,
                with: format!("[{part}]"),
            }),
            ("parts", found) => {
                bad = Some(wrong("systemInstruction.parts", "an array", Some(found)))
            }
            _ => {}
        }
    });
    if let Some(bad) = bad {
        return Err(bad);
    }
    if splices.is_empty() {
        let comma = if any { "," } else { "" };
        splices.push(Splice::insert(1, format!(r#""parts":[{part}]{comma}"#)));
    }
    patch.splice(field, splices);
    Ok(())
}

/// Inserts behind the opening bracket.
fn first_element(list: &[u8], mut element: String) -> Splice {
    let empty = list[1..].trim_ascii_start().first() == Some(&b']');
    if !empty {
        element.push(',');
    }
    Splice::insert(1, element)
}

fn wrong(field: &'static str, wanted: &'static str, found: Option<&[u8]>) -> BadAsk {
    BadAsk::Type {
        field,
        wanted,
        found: found.map_or("absent", kind),
    }
}
