//! From YAML to one immutable snapshot of everything a request needs.

mod compile;
pub mod database;
pub mod directory;
mod documents;
pub mod health;
mod json;
pub mod live;
mod lookup;
mod merge;
pub mod pattern;
mod place;
pub mod plan;
pub mod price;
pub mod problem;
pub mod provider;
mod raw;
mod reader;
mod restart;
pub mod rows;
pub mod seal;
pub mod snapshot;
pub mod source;
mod spelling;
mod substitute;
mod tidy;
pub mod unit;

pub use compile::compile;
pub use live::{Live, LiveEnv, Reloaded};
pub use lookup::{LONGEST_KEY, key_hash};
pub use problem::{Problem, Severity};
pub use snapshot::Snapshot;
pub use source::Sources;
pub use substitute::Env;
