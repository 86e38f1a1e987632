//! What the wire formats of LLM providers mean: pure code without sockets, clock or async.

pub mod ask;
pub mod dialect;
pub mod fault;
pub mod fields;
pub mod format;
pub mod frame;
pub mod prepare;
pub mod scan;
pub mod tap;
pub mod tokens;
pub mod usage;

mod chat;
mod gemini;
mod loose;
mod messages;
mod meter;
mod parts;
mod patch;
mod responses;
mod skeleton;
mod system;

pub use format::{Format, Operation};
pub use usage::{ToolUses, Usage};
