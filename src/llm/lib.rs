//! What the wire formats of LLM providers mean: pure code without sockets, clock or async.

pub mod ask;
pub mod convert;
pub mod count;
pub mod dialect;
pub mod fault;
pub mod fields;
pub mod format;
pub mod frame;
pub mod loss;
pub mod prepare;
pub mod scan;
pub mod suffix;
pub mod tap;
pub mod tokens;
pub mod transcode;
pub mod upgrade;
pub mod usage;

mod back;
mod chat;
mod freetext;
mod gemini;
mod ir;
mod loose;
mod media;
mod messages;
mod meter;
mod normal;
mod parts;
mod patch;
mod replay;
mod responses;
mod schema;
mod skeleton;
mod system;
mod think;
mod thinking;
mod traits;
mod words;

pub use format::{Format, Operation};
pub use usage::{ToolUses, Usage};
