//! The text format of Prometheus, read just far enough to assert on it.

use std::collections::BTreeMap;

/// One sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// Every sample of one scrape.
#[derive(Clone, Debug)]
pub struct Metrics(pub Vec<Sample>);

impl Metrics {
    /// Reads the text; a line it cannot read panics.
    pub fn parse(text: &str) -> Metrics {
        let samples = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Metrics(samples.map(sample).collect())
    }

    /// The sum of all samples of that name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let chosen = self.0.iter().filter(|sample| {
            let has = |(key, value): &(&str, &str)| {
                sample.labels.get(*key).is_some_and(|known| known == value)
            };
            sample.name == name && labels.iter().all(has)
        });
        chosen.map(|sample| sample.value).sum()
    }

    /// Every value that the label has anywhere.
    pub fn values_of(&self, label: &str) -> std::collections::BTreeSet<&str> {
        let values = self.0.iter().filter_map(|sample| sample.labels.get(label));
        values.map(String::as_str).collect()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}');
    // No label value of ours holds a quote or a comma inside one.
    let labels = labels.split("\",").filter_map(|pair| {
        let (key, value) = pair.split_once("=\"")?;
        Some((key.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    Sample {
        name: name.to_owned(),
        labels: labels.collect(),
        value: value.parse().expect("a sample's value is a number"),
    }
}
