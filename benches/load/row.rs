//! One thing measured: rounds of pairs, and what they amount to.

use serde_json::{Value, json};

/// How the two values of a row are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Compare {
    /// Gateway / bare.
    Ratio,
    /// Gateway - bare, in the row's unit.
    Added,
    /// The gateway's value by itself.
    Alone,
}

/// What the comparison shall be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// One thing measured.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) compare: Compare,
    pub(crate) goal: Option<Goal>,
    /// Pairs of one round each, bare and gateway; or why there are none.
    pub(crate) rounds: Result<Vec<(f64, f64)>, String>,
}

/// The middle of a row's rounds.
struct Summary {
    bare: f64,
    gateway: f64,
    score: f64,
    lowest: f64,
    highest: f64,
}

impl Row {
    fn summary(&self) -> Result<Summary, &str> {
        let rounds = self.rounds.as_ref().map_err(String::as_str)?;
        let scores: Vec<f64> = rounds.iter().map(|pair| self.score(*pair)).collect();
        if scores.is_empty() {
            return Err("no rounds");
        }
        Ok(Summary {
            bare: median(rounds.iter().map(|pair| pair.0)),
            gateway: median(rounds.iter().map(|pair| pair.1)),
            // Of pairs and not of the two medians: what disturbs a round disturbs both sides.
            score: median(scores.iter().copied()),
            lowest: scores.iter().copied().fold(f64::INFINITY, f64::min),
            highest: scores.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    fn score(&self, (bare, gateway): (f64, f64)) -> f64 {
        match self.compare {
            Compare::Ratio => gateway / bare,
            Compare::Added => gateway - bare,
            Compare::Alone => gateway,
        }
    }

    /// Whether the goal is met; `None` without a goal or a measurement.
    pub(crate) fn met(&self) -> Option<bool> {
        let score = self.summary().ok()?.score;
        self.goal.map(|goal| match goal {
            Goal::AtMost(limit) => score <= limit,
            Goal::AtLeast(limit) => score >= limit,
        })
    }

    /// The row of a Markdown table.
    pub(crate) fn line(&self) -> String {
        let (name, unit) = (&self.name, self.unit);
        let summary = match self.summary() {
            Ok(summary) => summary,
            Err(reason) => {
                return format!("| {name} | {unit} | | | not measured: {reason} | | | |");
            }
        };
        let Summary {
            bare,
            gateway,
            score,
            lowest,
            highest,
        } = summary;
        let mark = if self.compare == Compare::Ratio {
            " x"
        } else {
            ""
        };
        let goal = match self.goal {
            Some(Goal::AtMost(limit)) => format!("<= {limit}"),
            Some(Goal::AtLeast(limit)) => format!(">= {limit}"),
            None => String::new(),
        };
        let met = match self.met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        format!(
            "| {name} | {unit} | {bare:.1} | {gateway:.1} | {score:.2}{mark} | {lowest:.2} to {highest:.2} | {goal} | {met} |"
        )
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> Value {
        let mut value = json!({
            "name": self.name,
            "unit": self.unit,
            "compare": match self.compare {
                Compare::Ratio => "ratio",
                Compare::Added => "added",
                Compare::Alone => "alone",
            },
            "goal": match self.goal {
                Some(Goal::AtMost(limit)) => json!({ "at_most": limit }),
                Some(Goal::AtLeast(limit)) => json!({ "at_least": limit }),
                None => Value::Null,
            },
            "met": self.met(),
        });
        match self.summary() {
            Ok(summary) => {
                value["bare"] = json!(summary.bare);
                value["gateway"] = json!(summary.gateway);
                value["score"] = json!(summary.score);
                value["rounds"] = json!(self.rounds);
            }
            Err(reason) => value["not_measured"] = json!(reason),
        }
        value
    }
}

/// The middle value; of an even count the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    f64::midpoint(values[middle - 1], values[middle])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(compare: Compare, goal: Goal, rounds: &[(f64, f64)]) -> Row {
        Row {
            name: "x".to_owned(),
            unit: "µs",
            compare,
            goal: Some(goal),
            rounds: Ok(rounds.to_vec()),
        }
    }

    #[test]
    fn one_disturbed_round_does_not_decide() {
        let rounds = [(50.0, 60.0), (90.0, 60.0), (50.0, 61.0)];
        let row = row(Compare::Ratio, Goal::AtMost(1.25), &rounds);
        assert_eq!(row.met(), Some(true));
        assert!(row.line().contains("1.20 x"), "{}", row.line());
    }

    #[test]
    fn goals_have_a_direction() {
        let rounds = [(100.0, 95.0)];
        assert_eq!(
            row(Compare::Ratio, Goal::AtLeast(0.9), &rounds).met(),
            Some(true)
        );
        assert_eq!(
            row(Compare::Ratio, Goal::AtMost(0.9), &rounds).met(),
            Some(false)
        );
        assert_eq!(
            row(Compare::Added, Goal::AtMost(0.0), &rounds).met(),
            Some(true)
        );
        assert_eq!(
            row(Compare::Alone, Goal::AtMost(20.0), &rounds).met(),
            Some(false)
        );
    }
}
