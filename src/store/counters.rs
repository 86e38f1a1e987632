//! Counters that nodes share.

mod redis;

pub use self::redis::{BadRedisUrl, Redis};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
