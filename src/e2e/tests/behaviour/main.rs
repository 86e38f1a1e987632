//! What the gateway does, seen from both of its sides.
#![allow(clippy::unwrap_used)]

mod script;
