//! Tokens by class, as the record of a request states them.

use serde::{Deserialize, Serialize};

/// Tokens of one request. `input` includes cache reads and writes, audio and image input;
/// `output` includes reasoning, audio and image output (contract section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All tokens that went in.
    pub input: u64,
    /// The part of `input` read from the provider's prompt cache.
    pub cache_read: u64,
    /// The part of `input` written to a cache that lives five minutes (or an undivided write).
    pub cache_write_5m: u64,
    /// The part of `input` written to a cache that lives one hour.
    pub cache_write_1h: u64,
    /// All tokens that came out.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// The part of `input` that was audio (not read from a cache).
    pub audio_input: u64,
    /// The part of `output` that was audio.
    pub audio_output: u64,
    /// The part of `input` that was images.
    pub image_input: u64,
    /// The part of `output` that was images.
    pub image_output: u64,
}

/// Calls of tools that the provider itself ran and charges for, by the provider's name for
/// the tool (`web_search_preview`, `web_search`, `file_search`). At most a handful of names.
pub type ToolUses = Vec<(String, u32)>;
