//! Cuts rows into statements: few of them, and few different ones, so that each is prepared once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Dialect, Statement, Value};

/// Rows of a statement at most. Times 35 columns this stays below the 32,766 values of SQLite and
/// the 65,535 of the others.
const MAX_ROWS: usize = 256;
/// Bytes of text in a statement, unless one row alone has more: half of the smallest packet that a
/// MySQL server takes by default.
const MAX_BYTES: usize = 2 << 20;

/// The sizes of statements for rows of so many bytes: powers of two, so that there are only nine
/// texts.
pub(super) fn sizes(mut bytes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (mut rows, mut sum) = (0, 0);
    loop {
        let next = bytes.next();
        let full = next.is_none_or(|more| rows == MAX_ROWS || sum + more > MAX_BYTES);
        if full && rows > 0 {
            sizes.extend(powers_of_two(rows));
            (rows, sum) = (0, 0);
        }
        let Some(more) = next else { return sizes };
        rows += 1;
        sum += more;
    }
}

/// 100 = 64 + 32 + 4.
fn powers_of_two(count: usize) -> impl Iterator<Item = usize> {
    let bits = (0..usize::BITS).rev();
    bits.map(|bit| 1 << bit)
        .filter(move |power| count & power != 0)
}

/// `INSERT INTO table (columns) VALUES …`, so many rows of it, and what is to happen with rows that
/// are there.
pub(super) struct Insert {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) conflict: fn(Dialect) -> String,
}

/// Texts of up to 100 KB that every batch needs again.
type Texts = HashMap<(&'static str, Dialect, usize), &'static str>;

impl Insert {
    /// The statement for the values of `rows` rows.
    pub(super) fn statement<'a>(
        &self,
        dialect: Dialect,
        rows: usize,
        values: Vec<Value<'a>>,
    ) -> Statement<'a> {
        Statement {
            sql: Cow::Borrowed(self.text(dialect, rows)),
            values,
        }
    }

    /// Made once for each table, database and number of rows, and never given back: at most nine
    /// for each table of a process's database.
    fn text(&self, dialect: Dialect, rows: usize) -> &'static str {
        static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        texts
            .entry((self.table, dialect, rows))
            .or_insert_with(|| String::leak(self.spelled(dialect, rows)))
    }

    fn spelled(&self, dialect: Dialect, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let rows = vec![row; rows].join(", ");
        let (table, columns) = (self.table, self.columns.join(", "));
        let (insert, conflict) = (dialect.insert(), (self.conflict)(dialect));
        dialect.spell(format!(
            "{insert} INTO {table} ({columns}) VALUES {rows}{conflict}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_few_and_bounded() {
        let even = |rows| sizes(std::iter::repeat_n(100, rows));
        assert_eq!(even(0), [0; 0]);
        assert_eq!(even(1), [1]);
        assert_eq!(even(100), [64, 32, 4]);
        assert_eq!(even(500), [256, 128, 64, 32, 16, 4]);
        assert_eq!(even(513), [256, 256, 1]);
        assert_eq!(sizes([MAX_BYTES, 1, 1, 1].into_iter()), [1, 2, 1]);
        assert_eq!(sizes([3 * MAX_BYTES, 3 * MAX_BYTES].into_iter()), [1, 1]);
    }
}
