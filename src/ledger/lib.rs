//! Money, budgets, records and limits: pure arithmetic, the journal that no record is lost from, and the writer
//! that hands records to a store.

pub mod bill;
pub mod book;
pub mod budget;
pub mod journal;
pub mod lease;
pub mod limit;
pub mod money;
pub mod record;
pub mod writer;

pub use bill::{Price, RATIO_ONE, Rates, Tier, cost};
pub use journal::{HeldRates, Hold, Journal};
pub use money::{BadAmount, NANOS_PER_USD, Nanos};
pub use record::{End, Record, UsageSource};
pub use writer::{Counts, Sink, SinkError, Slot, Writer};
