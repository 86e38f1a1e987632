//! Google `generateContent`.

mod meter;
mod usage;

pub(crate) use meter::Meter;
