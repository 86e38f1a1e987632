//! Finds the lane of a channel's key again after a reload.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};

use super::BreakerSettings;
use super::lane::Lane;

/// Every lane some snapshot uses. A lane lives as long as a snapshot that names its channel and
/// key; a changed key is a new lane, in good health.
#[derive(Debug, Default)]
pub struct LaneBook {
    channels: Mutex<HashMap<Box<str>, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    turn: Arc<AtomicUsize>,
    lanes: HashMap<Box<str>, Weak<Lane>>,
}

impl LaneBook {
    /// An empty book: one per process, shared by all configurations that it runs.
    pub fn new() -> LaneBook {
        LaneBook::default()
    }

    /// The lane of `channel` and the key with that fingerprint, with the given settings from now
    /// on. Call it when nothing else can fail any more: the settings hold for live traffic at once.
    pub fn lane(&self, channel: &str, fingerprint: &str, settings: BreakerSettings) -> Arc<Lane> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if !channels.contains_key(channel) {
            channels.retain(|_, entry| entry.in_use());
        }
        let entry = channels.entry(channel.into()).or_default();
        if let Some(lane) = entry.lanes.get(fingerprint).and_then(Weak::upgrade) {
            lane.configure(settings);
            return lane;
        }
        entry.lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Lane::new(settings, entry.turn.clone()));
        entry
            .lanes
            .insert(fingerprint.into(), Arc::downgrade(&lane));
        lane
    }
}

impl Entry {
    fn in_use(&self) -> bool {
        self.lanes.values().any(|lane| lane.strong_count() > 0)
    }
}

/// How a key is known outside of secrets: the first 16 hex digits of its SHA-256.
pub fn fingerprint(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest[..8]
        .iter()
        .fold(String::with_capacity(16), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Admission, Outcome, Tick};
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 1,
        window: Duration::from_secs(30),
        open: Duration::from_secs(30),
        auto_disable: true,
    };

    #[test]
    fn state_survives_a_reload_and_a_new_key_starts_well() {
        let book = LaneBook::new();
        let before = book.lane("a", &fingerprint("old"), SETTINGS);
        let now = Tick::from_millis(5);
        before.report(Outcome::Unauthorized, now);

        let after = book.lane("a", &fingerprint("old"), SETTINGS);
        assert!(Arc::ptr_eq(&before, &after));
        assert!(matches!(after.admit(now), Admission::Closed { .. }));

        let changed = book.lane("a", &fingerprint("new"), SETTINGS);
        assert_eq!(changed.admit(now), Admission::Go);
        let elsewhere = book.lane("b", &fingerprint("old"), SETTINGS);
        assert_eq!(elsewhere.admit(now), Admission::Go, "lanes are per channel");
    }

    #[test]
    fn a_reload_brings_new_settings_to_an_old_lane() {
        let book = LaneBook::new();
        let lane = book.lane("a", "k", SETTINGS);
        let patient = BreakerSettings {
            failures: 2,
            ..SETTINGS
        };
        book.lane("a", "k", patient);
        let now = Tick::from_millis(5);
        lane.report(Outcome::Failure, now);
        assert_eq!(
            lane.admit(now),
            Admission::Go,
            "two failures are needed now"
        );
    }

    #[test]
    fn lanes_nobody_uses_are_forgotten() {
        let book = LaneBook::new();
        for n in 0..1_000 {
            book.lane(&format!("channel-{n}"), "k", SETTINGS);
            book.lane("kept", &n.to_string(), SETTINGS);
        }
        let channels = book.channels.lock().expect("nobody panicked");
        assert!(channels.len() <= 2, "{} channels left", channels.len());
        assert!(channels.values().all(|entry| entry.lanes.len() <= 1));
    }

    #[test]
    fn fingerprints_are_sixteen_digits_of_the_digest() {
        assert_eq!(fingerprint(""), "e3b0c44298fc1c14");
        assert_ne!(fingerprint("a"), fingerprint("b"));
    }
}
