//! One gateway before four upstreams, each with a model of its own vendor that only it serves.

use e2e::{Answer, Call, Dialect, Gateway, Setup, Streaming, Upstream, altered, channel};
use serde_json::{Value, json};

use super::{Saying, saying, strict};

pub(crate) struct Desk {
    pub(crate) gateway: Gateway,
    upstreams: Vec<Upstream>,
}

/// What a model can do is told by its name.
fn vendors_model(upstream: Dialect) -> &'static str {
    match upstream {
        Dialect::Chat | Dialect::Responses => "gpt-5.1",
        Dialect::Messages => "claude-sonnet-4-5",
        Dialect::Gemini => "gemini-3-pro-preview",
    }
}

/// The name that brings a request to the upstream of that format.
pub(crate) fn model(upstream: Dialect) -> String {
    format!("on-{}", upstream.name())
}

impl Desk {
    pub(crate) async fn start() -> Desk {
        let mut setup = Setup::new().with(json!({ "gateway": { "receipt": true } }));
        let mut upstreams = Vec::new();
        for dialect in Dialect::ALL {
            let upstream = Upstream::start().await;
            let served = json!({ model(dialect): vendors_model(dialect) });
            setup = setup.channel(altered(
                channel(dialect.name(), &upstream.url(), dialect),
                json!({ "models": [], "model_map": served }),
            ));
            upstreams.push(upstream);
        }
        Desk {
            gateway: Gateway::start(setup).await,
            upstreams,
        }
    }

    pub(crate) fn upstream(&self, dialect: Dialect) -> &Upstream {
        &self.upstreams[dialect as usize]
    }

    /// Has the upstream say that to the next request, whatever its tools are called there.
    pub(crate) fn will_say(&self, dialect: Dialect, said: Saying) {
        self.upstream(dialect)
            .answer(move |seen| saying::stream(dialect, &said, &seen.json()));
    }

    /// What the upstream got last, which its provider would have taken.
    pub(crate) fn got(&self, dialect: Dialect) -> Value {
        let seen = self.upstream(dialect).last_request();
        let body = seen.json();
        strict::check(dialect, &body);
        body
    }

    pub(crate) async fn open(&self, call: Call) -> Streaming {
        let stream = call.open(&self.gateway).await;
        if stream.status == 200 {
            return stream;
        }
        let status = stream.status;
        panic!("{status}: {}", stream.answer().await.text());
    }

    pub(crate) async fn ask(&self, call: Call) -> Answer {
        call.send(&self.gateway).await
    }
}
