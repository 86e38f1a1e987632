//! The admin API over real sockets.

#![allow(clippy::unwrap_used)]

mod client;
mod reading;
mod refusing;
mod steering;
mod usage;
