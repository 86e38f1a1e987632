//! Conversations as known clients have them, each through an upstream of every format.
//!
//! What an upstream gets is held to the rules of its provider ([`strict`]), what the client gets to
//! the grammar its own code relies on ([`heard`]).

mod claude_code;
mod codex;
mod converse;
mod desk;
mod gemini_cli;
mod heard;
mod saying;
mod strict;

use heard::Heard;
use saying::{Saying, Use};

/// A picture of one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
