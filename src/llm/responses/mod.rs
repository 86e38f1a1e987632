//! OpenAI Responses.

mod decode;
mod decoder;
mod echo;
mod encode;
mod encoder;
mod heard;
mod meter;
mod object;
mod reply;
mod shape;

/// Between the two names of a tool in a namespace, which are one name in the common model.
/// OpenAI's own names hold no colon.
const SPACE: &str = "::";

pub(crate) use decode::decode;
pub(crate) use decoder::Decoder;
pub(crate) use echo::echo;
pub(crate) use encode::encode;
pub(crate) use encoder::Encoder;
pub(crate) use heard::Step;
pub(crate) use meter::Meter;
pub(crate) use reply::encode as encode_reply;
