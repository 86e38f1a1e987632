//! Where the databases spell the same thing differently.

use std::fmt::Write;

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    /// MySQL from 5.7.8 on, and MariaDB.
    MySql,
}

impl Dialect {
    /// Places of values: PostgreSQL numbers them. No text of ours has a `?` of another meaning.
    pub(crate) fn spell(self, sql: String) -> String {
        if self != Dialect::Postgres {
            return sql;
        }
        let mut spelled = String::with_capacity(sql.len() * 2);
        for (number, part) in sql.split('?').enumerate() {
            if number > 0 {
                let _ = write!(spelled, "${number}");
            }
            spelled.push_str(part);
        }
        spelled
    }

    /// What begins a statement of many rows that is one of several in a transaction.
    pub(crate) fn insert(self) -> &'static str {
        match self {
            // A value that the table refuses undoes the whole transaction, as we would. By default it undoes only
            // the statement, and for that each page is written to a temporary file before it changes: a tenth
            // of what a row cost. https://sqlite.org/tempfiles.html#stmtjrnl
            Dialect::Sqlite => "INSERT OR ROLLBACK",
            Dialect::Postgres | Dialect::MySql => "INSERT",
        }
    }

    /// After an `INSERT`: a row whose key is there stays as it is, and counts as no change.
    pub(crate) fn keep(self, key: &str) -> String {
        match self {
            Dialect::Sqlite | Dialect::Postgres => format!(" ON CONFLICT ({key}) DO NOTHING"),
            // Not INSERT IGNORE, which cuts values that do not fit instead of refusing them.
            Dialect::MySql => format!(" ON DUPLICATE KEY UPDATE {key} = {key}"),
        }
    }

    /// After an `INSERT` into `table`: a row of which any unique value is there is left out, and
    /// counts as no change. `column` is any of the table.
    pub(crate) fn leave_out(self, table: &str, column: &str) -> String {
        match self {
            Dialect::Sqlite | Dialect::Postgres => " ON CONFLICT DO NOTHING".to_owned(),
            Dialect::MySql => {
                format!(" ON DUPLICATE KEY UPDATE {column} = {table}.{column}")
            }
        }
    }

    /// After an `INSERT` into `table`: the new values of `columns` are added to a row whose key is
    /// there.
    pub(crate) fn add(self, table: &str, key: &str, columns: &[&str]) -> String {
        let sums = columns.iter().map(|column| match self {
            Dialect::Sqlite | Dialect::Postgres => {
                format!("{column} = {table}.{column} + excluded.{column}")
            }
            Dialect::MySql => format!("{column} = {table}.{column} + VALUES({column})"),
        });
        let sums = sums.collect::<Vec<_>>().join(", ");
        match self {
            Dialect::Sqlite | Dialect::Postgres => {
                format!(" ON CONFLICT ({key}) DO UPDATE SET {sums}")
            }
            Dialect::MySql => format!(" ON DUPLICATE KEY UPDATE {sums}"),
        }
    }

    /// The larger of two numbers.
    pub(crate) fn greater(self, one: &str, other: &str) -> String {
        match self {
            Dialect::Sqlite => format!("MAX({one}, {other})"),
            Dialect::Postgres | Dialect::MySql => format!("GREATEST({one}, {other})"),
        }
    }

    /// The time by the store's own clock, in microseconds since 1970: nodes need not agree on theirs.
    pub(crate) fn now(self) -> &'static str {
        match self {
            // Of whole milliseconds.
            Dialect::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
            // Not UNIX_TIMESTAMP(NOW(6)), which does not know the two hours of an autumn night apart.
            Dialect::MySql => "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
        }
    }

    /// The sum of a column as a 64-bit integer: two of the databases make it a decimal.
    pub(crate) fn sum(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => format!("SUM({column})"),
            Dialect::Postgres => format!("CAST(SUM({column}) AS BIGINT)"),
            Dialect::MySql => format!("CAST(SUM({column}) AS SIGNED)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_postgres_numbers_its_places() {
        let sql = || "INSERT INTO t VALUES (?, ?), (?, ?)".to_owned();
        assert_eq!(
            Dialect::Postgres.spell(sql()),
            "INSERT INTO t VALUES ($1, $2), ($3, $4)"
        );
        assert_eq!(Dialect::Sqlite.spell(sql()), sql());
        assert_eq!(Dialect::MySql.spell(sql()), sql());
    }
}
