//! How long things are kept: `retention`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::reader::Map;
use crate::snapshot::Retention;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Less than an hour would take records before anybody has read them; a hundred years is for ever.
const BOUNDS: RangeInclusive<Duration> = HOUR..=Duration::from_secs(100 * 365 * DAY.as_secs());

/// Reads the section.
pub(super) fn read(root: &mut Map<'_>) -> Retention {
    let mut map = root.take("retention").map();
    let requests = map.take("requests").duration(BOUNDS);
    let audit = map.take("audit").duration(BOUNDS);
    map.finish();
    Retention {
        requests: requests.unwrap_or(90 * DAY),
        audit: audit.unwrap_or(400 * DAY),
    }
}
