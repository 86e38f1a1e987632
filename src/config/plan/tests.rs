mod explained;
mod order;
mod pools;
mod several;
mod speed;
mod suffixes;

use std::sync::Arc;

use llm::{Format, Operation};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::health::{Lane, LaneBook, Outcome};
use crate::snapshot::AUTO;
use crate::{Sources, compile};

const NOW: Tick = Tick::from_millis(1_000_000);

/// A configuration, and the lanes behind it.
struct World {
    snapshot: Snapshot,
    rng: StdRng,
}

/// `channels` are YAML maps without the keys that every channel here shares.
fn world(channels: &[&str]) -> World {
    let lines = channels
        .iter()
        .map(|channel| format!("  - {{ {} }}\n", complete(channel)));
    let yaml = format!(
        "groups: {{ vip: {{ ratio: 1 }} }}\nchannels:\n{}",
        lines.collect::<String>()
    );
    let sources = Sources::from_text(&yaml, &|_| None).expect("readable");
    let snapshot = match compile(&sources, &LaneBook::new(), 1) {
        Ok(snapshot) => snapshot,
        Err(problems) => panic!("{problems:?}\n{yaml}"),
    };
    World {
        snapshot,
        rng: StdRng::seed_from_u64(7),
    }
}

fn complete(channel: &str) -> String {
    let mut all = channel.to_owned();
    for (key, value) in [
        ("provider:", "custom"),
        ("base_url:", "'http://127.0.0.1:1'"),
        ("formats:", "[chat]"),
        ("keys:", "[key-12345678]"),
        ("models:", "[m]"),
    ] {
        if !channel.contains(key) {
            all.push_str(&format!(", {key} {value}"));
        }
    }
    all
}

impl World {
    fn wanted<'a>(&self, model: &'a str) -> Wanted<'a> {
        Wanted {
            group: "default",
            user_group: None,
            model,
            format: Format::Chat,
            operation: Operation::Chat,
            thinks_with_tools: false,
        }
    }

    fn plan(&mut self, model: &str) -> Result<Plan, NoPlan> {
        let wanted = self.wanted(model);
        plan(&self.snapshot, &wanted, NOW, &mut self.rng)
    }

    fn refusal(&mut self, model: &str) -> NoPlan {
        self.plan(model).expect_err("no plan")
    }

    /// The names in the order they would be tried, keys as `name#index`.
    fn order(&mut self, model: &str) -> Vec<String> {
        let plan = self.plan(model).expect("a plan");
        plan.candidates.iter().map(label).collect()
    }

    fn lane(&self, channel: &str, key: usize) -> &Arc<Lane> {
        let mut channels = self.snapshot.channels.iter();
        let channel = channels.find(|known| *known.name == *channel);
        &channel.expect("a channel of the test").keys[key].lane
    }

    /// Fails it until its breaker opens, for 30 s.
    fn break_lane(&self, channel: &str, key: usize) {
        for _ in 0..5 {
            self.lane(channel, key).report(Outcome::Failure, NOW);
        }
    }
}

fn label(candidate: &Candidate) -> String {
    match candidate.channel.keys.len() {
        1 => candidate.channel.name.to_string(),
        _ => format!("{}#{}", candidate.channel.name, candidate.key),
    }
}
