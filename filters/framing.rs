//! Tells how an upstream's body is framed, by what was asked for and what its head says.

use http::{HeaderMap, header};
use llm::tap::Framing;

use crate::failover::Happened;

/// The framing of a body behind these headers; `asked`: what the upstream was asked for.
///
/// # Errors
/// When it can be no answer.
pub(crate) fn of(headers: &HeaderMap, asked: Framing) -> Result<Framing, Happened> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = content_type.split(';').next().unwrap_or("").trim();
    let streamed = !matches!(asked, Framing::Whole);
    match kind.to_ascii_lowercase().as_str() {
        "text/event-stream" => Ok(Framing::Sse),
        // Some servers stream without saying what.
        "" | "text/plain" | "application/octet-stream" | "application/x-ndjson" if streamed => {
            Ok(asked)
        }
        "application/json" if matches!(asked, Framing::JsonArray) => Ok(Framing::JsonArray),
        kind if kind == "application/json" || kind.ends_with("+json") || kind.is_empty() => {
            Ok(Framing::Whole)
        }
        "text/plain" => Ok(Framing::Whole),
        _ => Err(Happened::Unreadable(
            "it is neither JSON nor an event stream".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, asked: Framing, wanted: Option<Framing>) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = content_type.parse() {
            headers.insert(header::CONTENT_TYPE, value);
        }
        let found = of(&headers, asked).ok();
        assert_eq!(
            format!("{found:?}"),
            format!("{wanted:?}"),
            "{content_type}"
        );
    }

    #[test]
    fn the_type_of_the_content_tells_and_where_it_does_not_what_was_asked_for() {
        use Framing::{JsonArray, Sse, Whole};
        for asked in [Whole, Sse, JsonArray] {
            check("Text/Event-Stream; charset=utf-8", asked, Some(Sse));
            check("", asked, Some(asked));
            check("text/plain", asked, Some(asked));
            check("application/problem+json", asked, Some(Whole));
            check("text/html", asked, None);
        }
        check("application/json", Sse, Some(Whole));
        check("application/json", JsonArray, Some(JsonArray));
    }
}
