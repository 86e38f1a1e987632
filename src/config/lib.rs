//! From YAML to one immutable snapshot of everything a request needs.

pub mod snapshot;
pub mod health;
pub mod pattern;
pub mod plan;
pub mod price;
pub mod problem;
pub mod provider;
