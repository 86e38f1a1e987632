//! The gateway as Pingora sees it: every phase in one line.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::Error;
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;

use crate::ctx::Ctx;
use crate::shared::Shared;
use crate::{fail_to_proxy, logging, request_filter};

/// The data plane.
pub struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    /// A gateway over the services of `shared`.
    pub fn new(shared: Arc<Shared>) -> Gateway {
        Gateway { shared }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::new(self.shared.live.full(), self.shared.enter())
    }

    // No compression module: answers go back as the upstream sent them.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> pingora::Result<bool> {
        request_filter::filter(&self.shared, session, ctx).await
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _ctx: &mut Ctx,
    ) -> pingora::Result<Box<HttpPeer>> {
        // Every request is answered in `request_filter`.
        Error::e_explain(
            pingora::ErrorType::InternalError,
            "no request comes this far",
        )
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Ctx,
    ) -> FailToProxy {
        fail_to_proxy::tell(&self.shared, session, error, ctx).await
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Ctx) {
        logging::log(&self.shared, session, error, ctx).await;
    }

    // The access line says what happened to a request; Pingora's own line would say it twice.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Ctx,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
