//! Reads a request into the common model.

use crate::Format;
use crate::ir::Request;
use crate::loss::Misfit;

/// The request in `body`.
pub(crate) fn decode(_body: &[u8]) -> Result<Request<'_>, Misfit> {
    Ok(Request::new(Format::Chat))
}
