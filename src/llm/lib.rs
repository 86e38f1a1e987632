//! What the wire formats of LLM providers mean: pure code without sockets, clock or async.

pub mod dialect;
pub mod format;
pub mod usage;

pub use format::{Format, Operation};
pub use usage::{ToolUses, Usage};
