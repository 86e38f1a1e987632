//! What a database has to be able to do to be a store.

use crate::error::StoreError;
use crate::sql::{Dialect, Statement, Step, Value};

/// One database. Every call blocks, for a bounded time, and may come from any thread.
pub(crate) trait Driver: Send + Sync + Sized + 'static {
    /// The same database over connections of its own; `None` where it has no more than one.
    fn apart(&self) -> Result<Option<Self>, StoreError>;

    /// How it spells its SQL.
    fn dialect(&self) -> Dialect;

    /// Connects and brings the schema up to date; called until it succeeds, by one thread at a time.
    fn prepare(&self) -> Result<(), StoreError>;

    /// The rows of a question.
    fn query(&self, statement: &Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreError>;

    /// Runs the steps in one transaction: all of them or, where one changes another number of rows
    /// than it has to, none.
    fn commit(&self, steps: &[Step<'_>]) -> Result<Committed, StoreError>;
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// Every step is kept.
    All,
    /// Nothing is: a step changed another number of rows than expected.
    Nothing,
}
