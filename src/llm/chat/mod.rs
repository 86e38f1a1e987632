//! OpenAI Chat Completions, and the older text completions that look like it.

mod decode;
mod decoder;
mod detail;
mod encode;
mod encoder;
mod heard;
mod meter;
mod read;
mod reply;
mod said;
pub(crate) mod usage;

pub(crate) use decode::{decode, is_responses_shaped};
pub(crate) use decoder::Decoder;
pub(crate) use encode::encode;
pub(crate) use encoder::Encoder;
pub(crate) use heard::Chunk;
pub(crate) use meter::Meter;
pub(crate) use reply::encode as encode_reply;
