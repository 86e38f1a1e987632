//! The last resort: an error that no phase has told the caller yet.

use ledger::End;
use pingora::proxy::{FailToProxy, Session};
use pingora::{Error, ErrorSource, ErrorType};

use crate::ctx::Ctx;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::{answer, settle};

/// Tells the error in the caller's format when nothing was written yet.
pub(crate) async fn tell(
    shared: &Shared,
    session: &mut Session,
    error: &Error,
    ctx: &mut Ctx,
) -> FailToProxy {
    let gone = *error.esource() == ErrorSource::Downstream && connection_is_dead(error);
    let written = session.response_written().is_some();
    if gone || written {
        return FailToProxy {
            error_code: if gone { 499 } else { 0 },
            can_reuse_downstream: false,
        };
    }
    let refusal = match error.esource() {
        ErrorSource::Downstream => Refusal::new(
            Cause::Malformed,
            "the request could not be read; check its framing and headers",
        ),
        _ => Refusal::new(
            Cause::UpstreamFailed,
            "the gateway could not finish this request; try again later",
        ),
    };
    let status = refusal.status(ctx.format);
    settle::close(shared, ctx, status, End::Refused, None).await;
    shared.metrics.refused(refusal.reason());
    if let Err(error) = answer::refusal(ctx, session, &refusal, None).await {
        tracing::debug!(%error, "the refusal could not be written");
    }
    FailToProxy {
        error_code: status,
        can_reuse_downstream: false,
    }
}

fn connection_is_dead(error: &Error) -> bool {
    matches!(
        error.etype(),
        ErrorType::WriteError
            | ErrorType::ReadError
            | ErrorType::ConnectionClosed
            | ErrorType::ConnectError
            | ErrorType::WriteTimedout
            | ErrorType::H2Error
    )
}
