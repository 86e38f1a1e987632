//! Starts a real gateway between scripted upstreams and real clients, and watches both sides.

pub mod answer;
pub mod cable;
pub mod call;
pub mod dialect;
pub mod gateway;
pub mod metrics;
pub mod process;
pub mod reply;
pub mod setup;
pub mod streaming;
pub mod tls;
pub mod upstream;
pub mod wire;

pub use answer::Answer;
pub use cable::Cable;
pub use call::Call;
pub use dialect::{Counts, Dialect};
pub use gateway::Gateway;
pub use reply::{Cut, Framing, Gate, Reply};
pub use setup::{CALLER_KEY, Setup, altered, channel};
pub use streaming::{Ended, Streaming};
pub use tls::Identity;
pub use upstream::{Refusing, Unreachable, Upstream, eventually};
pub use wire::Wire;
