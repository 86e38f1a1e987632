//! Cuts an upstream's bytes into frames; what a frame means is for the formats to say.
//!
//! Every machine here is pushed bytes, gives the same frames for every cut of them, and hands a
//! frame that lies in one pushed chunk on as a slice of that chunk.

pub(crate) mod balance;
pub mod json_array;
pub mod sse;
pub(crate) mod write;

/// Bytes of one frame that a machine is willing to gather before it gives up. One line may
/// carry an image as base64, so limits of some kilobytes are out of the question.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// A frame grew over [`MAX_FRAME_BYTES`]; the machine reads nothing after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one event of the stream is larger than {} MiB", MAX_FRAME_BYTES >> 20)]
pub struct TooLarge;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
