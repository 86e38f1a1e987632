//! What the load harness, its mock upstream and the criterion benches share.

pub mod clock;
pub mod http1;
pub mod pairs;
pub mod payload;
pub mod script;
pub mod streams;
