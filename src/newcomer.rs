//! `tollgate demo`, the newcomer's first minute: its configuration, its key, its words.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::demo;

/// A gateway key nobody else has: 128 random bits.
pub(crate) fn new_key() -> String {
    format!("sk-demo-{:032x}", rand::random::<u128>())
}

/// Milliseconds that the demo's model takes for a word, by `TOLLGATE_DEMO_PACE`: those who test with it
/// are in more of a hurry than those who look at it. A natural pace where it says no number.
pub(crate) fn pace() -> demo::Pace {
    pace_of(std::env::var("TOLLGATE_DEMO_PACE").ok().as_deref())
}

fn pace_of(said: Option<&str>) -> demo::Pace {
    let millis = said.and_then(|millis| millis.parse::<u16>().ok());
    millis.map_or(demo::Pace::NATURAL, |millis| {
        let each = Duration::from_millis(millis.into());
        demo::Pace { first: each, each }
    })
}

/// The configuration of a demo in front of `upstream`. `TOLLGATE_DEMO_LISTEN`,
/// `TOLLGATE_DEMO_ADMIN_LISTEN` and `TOLLGATE_DEMO_METRICS_LISTEN` move the listeners,
/// `TOLLGATE_DEMO_STORE` and `TOLLGATE_DEMO_JOURNAL` what is kept.
pub(crate) fn configuration(upstream: SocketAddr, key: &str) -> String {
    let models = demo::MODELS.join(", ");
    format!(
        r#"
gateway: {{ listen: "${{TOLLGATE_DEMO_LISTEN:-127.0.0.1:3000}}" }}
admin: {{ listen: "${{TOLLGATE_DEMO_ADMIN_LISTEN:-127.0.0.1:3001}}", key: "{key}" }}
metrics: {{ listen: "${{TOLLGATE_DEMO_METRICS_LISTEN:-127.0.0.1:9464}}" }}
store: "${{TOLLGATE_DEMO_STORE:-sqlite://data/tollgate.db}}"
journal: "${{TOLLGATE_DEMO_JOURNAL:-data/journal}}"
channels:
  - name: demo
    provider: custom
    base_url: http://{upstream}
    formats: [chat, responses, messages, gemini]
    options: {{ auth: none }}
    models: [{models}, "*"]
models:
  "demo-*": {{ price: {{ input: 1, output: 4 }}, max_output: 8192 }}
tokens:
  - {{ name: demo, key: "{key}" }}
"#
    )
}

/// Says what can be done now.
pub(crate) fn banner(gateway: SocketAddr, key: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "\nTollgate demo: a gateway with a built-in upstream.\n"
    )?;
    writeln!(out, "  gateway  http://{gateway}")?;
    writeln!(out, "  key      {key}   (also the admin key)\n")?;
    writeln!(out, "One line per format:\n")?;
    writeln!(
        out,
        "{}",
        demo::curl_lines(&format!("http://{gateway}"), key)
    )?;
    writeln!(out, "\nCtrl-C ends it.\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_natural_unless_a_number_says_otherwise() {
        for said in [None, Some(""), Some("fast"), Some("-1"), Some("70000")] {
            assert_eq!(pace_of(said).each, demo::Pace::NATURAL.each, "{said:?}");
        }
        assert_eq!(pace_of(Some("4")).each, Duration::from_millis(4));
        assert!(pace_of(Some("0")).first.is_zero());
    }
}
