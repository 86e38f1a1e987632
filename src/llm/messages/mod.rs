//! Anthropic Messages.

mod answer;
mod decode;
mod decoder;
mod encode;
mod encoder;
mod heard;
mod meter;
mod proof;
mod reply;
mod usage;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

pub(crate) use decode::decode;
pub(crate) use decoder::Decoder;
pub(crate) use encode::encode;
pub(crate) use encoder::Encoder;
pub(crate) use heard::Step;
pub(crate) use meter::Meter;
pub(crate) use reply::encode as encode_reply;
