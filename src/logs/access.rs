//! How an access line is written: as `tracing-subscriber` would, at a quarter of the price.
//!
//! Every request has one, with some twenty fields, and the general formatter was a tenth of what
//! a request cost. All other events go through that one.

use std::cell::Cell;
use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The target of access lines.
const TARGET: &str = "tollgate::access";
/// Room for the usual line, in bytes.
const USUAL: usize = 768;

/// Whether an event is an access line.
pub(super) fn is_access(event: &Metadata<'_>) -> bool {
    event.target() == TARGET
}

/// Writes access lines itself and leaves the rest to `others`.
pub(super) struct Access<F> {
    style: Style,
    others: F,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Json,
}

impl<F> Access<F> {
    pub(super) fn text(others: F) -> Access<F> {
        Access {
            style: Style::Text,
            others,
        }
    }

    pub(super) fn json(others: F) -> Access<F> {
        Access {
            style: Style::Json,
            others,
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Access<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if !is_access(event.metadata()) {
            return self.others.format_event(context, writer, event);
        }
        writer.write_str(&line(self.style, Timestamp::now(), event))
    }
}

fn line(style: Style, now: Timestamp, event: &Event<'_>) -> String {
    let mut line = Line {
        style,
        text: String::with_capacity(USUAL),
    };
    let level = event.metadata().level().as_str();
    match style {
        Style::Text => {
            push_time(&mut line.text, now);
            line.push(&["  ", level, " ", TARGET, ":"]);
            event.record(&mut line);
        }
        Style::Json => {
            line.push(&["{\"timestamp\":\""]);
            push_time(&mut line.text, now);
            line.push(&["\",\"level\":\"", level, "\""]);
            event.record(&mut line);
            line.push(&[",\"target\":\"", TARGET, "\"}"]);
        }
    }
    line.text.push('\n');
    line.text
}

/// RFC 3339 with microseconds. All but those stays the same for a whole second.
fn push_time(text: &mut String, now: Timestamp) {
    thread_local! {
        static SECOND: Cell<(i64, [u8; 19])> = const { Cell::new((i64::MIN, [b'0'; 19])) };
    }
    let second = now.as_second();
    let mut known = SECOND.get();
    if known.0 != second {
        let written = now.to_string();
        if let Some(head) = written.as_bytes().first_chunk() {
            known = (second, *head);
            SECOND.set(known);
        }
    }
    text.push_str(std::str::from_utf8(&known.1).unwrap_or_default());
    let micros = now.subsec_microsecond().unsigned_abs();
    text.push('.');
    for place in [100_000, 10_000, 1_000, 100, 10, 1] {
        text.push(char::from(b'0' + (micros / place % 10) as u8));
    }
    text.push('Z');
}

struct Line {
    style: Style,
    text: String,
}

impl Line {
    fn push(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.text.push_str(part));
    }

    /// Begins a member; the text style has no name for the message.
    fn name(&mut self, field: &Field) {
        match (self.style, field.name()) {
            (Style::Text, "message") => self.push(&[" "]),
            (Style::Text, name) => self.push(&[" ", name, "="]),
            (Style::Json, name) => self.push(&[",\"", name, "\":"]),
        }
    }

    /// What needs no escape in either style is copied.
    fn quoted(&mut self, value: &str) {
        let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
        if value.bytes().all(plain) {
            return self.push(&["\"", value, "\""]);
        }
        // Writing into a string cannot fail.
        let _ = match self.style {
            Style::Text => write!(self.text, "{value:?}"),
            Style::Json => write!(self.text, "{}", serde_json::Value::from(value)),
        };
    }

    fn number(&mut self, field: &Field, value: impl itoa::Integer) {
        self.name(field);
        self.text.push_str(itoa::Buffer::new().format(value));
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.quoted(value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        self.push(&[if value { "true" } else { "false" }]);
    }

    /// Words of enums, addresses, sums: `Debug` is how `tracing` hands on `%` and `?` alike.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        match self.style {
            Style::Text => {
                let _ = write!(self.text, "{value:?}");
            }
            Style::Json => self.quoted(&format!("{value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::{JsonFields, format};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Kept;
        fn make_writer(&'a self) -> Kept {
            self.clone()
        }
    }

    fn access() {
        tracing::info!(
            target: "tollgate::access",
            request = "1", path = "/v1/a\"b\\ü\n", client = %"::1", end = ?Some(1),
            status = 200_u16, stream = true, less = -1_i64,
            "request"
        );
    }

    /// Without the time, which differs.
    fn written(kept: &Kept) -> String {
        let bytes = kept.0.lock().expect("one thread");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn text_reads_like_every_other_line() {
        let (ours, theirs) = (Kept::default(), Kept::default());
        let lines = |kept: &Kept| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(kept.clone())
        };
        let own = lines(&ours).event_format(Access::text(format().with_ansi(false)));
        tracing::subscriber::with_default(own.finish(), access);
        tracing::subscriber::with_default(lines(&theirs).finish(), access);
        let (ours, theirs) = (written(&ours), written(&theirs));
        let time = "2026-11-25T07:17:27.308796Z".len();
        assert_eq!(ours[time..], theirs[time..]);
        assert_eq!(ours[..time].len(), theirs.find("  INFO").expect("a level"));
    }

    #[test]
    fn json_has_the_same_members() {
        let (ours, theirs) = (Kept::default(), Kept::default());
        let lines = |kept: &Kept| {
            tracing_subscriber::fmt()
                .fmt_fields(JsonFields::new())
                .with_writer(kept.clone())
        };
        let json = || format().json().flatten_event(true);
        let own = lines(&ours).event_format(Access::json(json()));
        tracing::subscriber::with_default(own.finish(), access);
        tracing::subscriber::with_default(lines(&theirs).event_format(json()).finish(), access);
        let read = |kept: &Kept| {
            let mut line: serde_json::Value =
                serde_json::from_str(&written(kept)).expect("a JSON line");
            let time = line["timestamp"].take();
            assert_eq!(time.as_str().map(str::len), Some(27), "{time}");
            line
        };
        assert_eq!(read(&ours), read(&theirs));
    }

    #[test]
    fn the_second_is_kept_and_the_microseconds_are_not() {
        for (nanos, expected) in [
            (1_000_000_000_000_001_000, "2001-09-09T01:46:40.000001Z"),
            (1_000_000_000_999_999_999, "2001-09-09T01:46:40.999999Z"),
            (1_000_000_001_010_000_000, "2001-09-09T01:46:41.010000Z"),
        ] {
            let mut text = String::new();
            let at = Timestamp::from_nanosecond(nanos).expect("in range");
            push_time(&mut text, at);
            assert_eq!(text, expected);
        }
    }
}
