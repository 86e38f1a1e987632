//! Writes a request of the common model.

use crate::convert::{Back, Encoded, Target};
use crate::ir::Request;
use crate::loss::{Losses, Misfit};

/// The body for `to`.
pub(crate) fn encode(
    _request: Request<'_>,
    _to: &Target<'_>,
    _losses: &mut Losses,
) -> Result<Encoded, Misfit> {
    Ok(Encoded {
        body: Vec::new(),
        back: Back::default(),
    })
}
