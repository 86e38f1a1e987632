//! OpenAI Responses.

mod meter;

pub(crate) use meter::Meter;
