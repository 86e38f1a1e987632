//! What a run found: its rows as a table for people and as JSON for machines.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::row::Row;

/// All rows of a run.
pub(crate) struct Report {
    gateway: String,
    pinned: bool,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(gateway: &Path, pinned: bool) -> Report {
        Report {
            gateway: gateway
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            pinned,
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Whether every goal was measured and met.
    pub(crate) fn goals_met(&self) -> bool {
        self.rows
            .iter()
            .filter(|row| row.goal.is_some())
            .all(|row| row.met() == Some(true))
    }

    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "\n| {} beside bare Pingora | unit | bare | gateway | score | rounds | goal | |\n|---|---|---|---|---|---|---|---|\n",
            self.gateway
        );
        for row in &self.rows {
            writeln!(table, "{}", row.line()).expect("a String takes everything");
        }
        table
    }

    pub(crate) fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let report = json!({ "gateway": self.gateway, "pinned": self.pinned, "rows": rows });
        format!("{report:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Compare, Goal};

    #[test]
    fn what_was_not_measured_is_not_met() {
        let mut report = Report::new(Path::new("tollgate"), false);
        report.push(Row {
            name: "request".to_owned(),
            unit: "µs",
            compare: Compare::Ratio,
            goal: Some(Goal::AtMost(1.0)),
            rounds: Err("status 404".to_owned()),
        });
        assert!(!report.goals_met());
        assert!(report.table().contains("not measured: status 404"));
    }
}
