//! Where records are written before they are anywhere else: `journal`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ledger::journal::{Fsync, Options};

use crate::reader::{Field, Map};

const DEFAULT: &str = "data/journal";
/// More would be no promise; less keeps the disk busy with nothing else.
const PERIOD: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
/// Less has no room for the segments that a journal consists of.
const MAX: RangeInclusive<u64> = 1 << 20..=u64::MAX;

/// Reads the key: a path, or a map with more. Wrong values are reported and stand as their default.
pub(super) fn read(root: &mut Map<'_>) -> Options {
    let field = root.take("journal");
    if !field.is_absent() && !field.is_map() {
        return Options {
            path: path(&field),
            ..default()
        };
    }
    let mut map = field.map();
    let options = Options {
        path: path(&map.take("path")),
        fsync: fsync(&map.take("fsync")),
        max: map.take("max").size(MAX).unwrap_or(default().max),
    };
    map.finish();
    options
}

fn default() -> Options {
    Options {
        path: DEFAULT.into(),
        fsync: Fsync::Every(Duration::from_millis(20)),
        max: 8 << 30,
    }
}

fn path(field: &Field<'_>) -> PathBuf {
    field.word("path").unwrap_or(DEFAULT).into()
}

fn fsync(field: &Field<'_>) -> Fsync {
    if field.peek() == Some("always") {
        return Fsync::Always;
    }
    field.duration(PERIOD).map_or(default().fsync, Fsync::Every)
}
