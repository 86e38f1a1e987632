//! What of a request a Responses answer repeats.

use crate::ir::Request;

/// The members (instructions, tools, temperature, text …) as the inside of a JSON object, without
/// braces; empty when there are none.
pub(crate) fn echo(_request: &Request<'_>) -> String {
    String::new()
}
