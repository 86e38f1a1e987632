//! The admin API over real sockets.

#![allow(clippy::unwrap_used)]

mod channels;
mod client;
mod configuration;
mod entries;
mod groups;
mod hostile;
mod keys;
mod leaving;
mod openapi;
mod reading;
mod refusing;
mod steering;
mod usage;
mod users;
