//! OpenAI Chat Completions, and the older text completions that look like it.

mod meter;
pub(crate) mod usage;

pub(crate) use meter::Meter;
