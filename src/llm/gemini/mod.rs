//! Google `generateContent`.

mod answer;
mod decode;
mod decoder;
mod encode;
mod encoder;
mod heard;
mod meter;
mod proof;
mod read;
mod reply;
mod ruler;
mod usage;
mod wire;

pub(crate) use decode::decode;
pub(crate) use decoder::{Decoder, is_malformed};
pub(crate) use encode::{encode, restore_proofs};
pub(crate) use encoder::Encoder;
pub(crate) use heard::Chunks;
pub(crate) use meter::Meter;
pub(crate) use reply::encode as encode_reply;
