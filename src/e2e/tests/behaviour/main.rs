//! What the gateway does, seen from both of its sides.
#![allow(clippy::unwrap_used)]

mod accounts;
mod answers;
mod bodies;
mod budgets;
mod clients;
mod clock;
mod commands;
mod cuts;
mod drain;
mod encodings;
mod ends;
mod failover;
mod four;
mod framing;
mod groups;
mod headers;
mod health;
mod held;
mod identity;
mod journal;
mod keys;
mod limits;
mod metrics;
mod money;
mod own;
mod pace;
mod paths;
mod refusals;
mod reload;
mod script;
mod secrets;
mod stores;
mod translated;
mod transport;
mod usage;
