//! One gateway in front of four upstreams, one for each format, each asked by its own clients alone.

use e2e::{Dialect, Gateway, Setup, Upstream, channel};
use serde_json::Value;

pub(crate) struct Four {
    pub(crate) gateway: Gateway,
    upstreams: Vec<Upstream>,
}

impl Four {
    pub(crate) async fn start() -> Four {
        Four::with(Value::Object(serde_json::Map::new())).await
    }

    /// With `change` laid over the configuration.
    pub(crate) async fn with(change: Value) -> Four {
        let mut upstreams = Vec::new();
        let mut setup = Setup::new();
        for dialect in Dialect::ALL {
            let upstream = Upstream::start().await;
            setup = setup.apart(dialect, channel(dialect.name(), &upstream.url(), dialect));
            upstreams.push(upstream);
        }
        Four {
            gateway: Gateway::start(setup.with(change)).await,
            upstreams,
        }
    }

    pub(crate) fn upstream(&self, dialect: Dialect) -> &Upstream {
        &self.upstreams[dialect as usize]
    }
}
