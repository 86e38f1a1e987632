//! `/api/usage`: what was used, by the hour or the day.

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use store::{Bucket, Dimension, MAX_SUMS, Sum, Sums, UsageSearch};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::query::{Given, given};
use crate::state::AdminState;

/// What was used and what it cost, by hours or days.
#[utoipa::path(get, path = "/api/usage", tag = "requests", params(Asked),
    responses((status = 200, body = Used), (status = 400, body = Problem)))]
pub(crate) async fn show(
    State(state): State<AdminState>,
    Given(asked): Given<Asked>,
) -> Result<Json<Used>, Problem> {
    let search = asked.search(Timestamp::now())?;
    let question = search.clone();
    match state.ask(move |store| store.usage(&question)).await? {
        Sums::All(sums) => Ok(Json(Used::new(&search, sums))),
        Sums::TooMany => Err(Problem::bad_request(format!(
            "more than {MAX_SUMS} sums: ask for a shorter time, days instead of hours, or less in `by`"
        ))),
    }
}

/// The query as it comes: an empty value is one not given.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    /// From the bucket with this time; usually 30 days or 24 hours before `to`.
    #[param(required = false, example = "2026-11-21T20:00:00Z")]
    from: String,
    /// To the bucket with this time; usually now.
    #[param(required = false)]
    to: String,
    /// Any of `model`, `token`, `user`, `channel`, with commas between.
    #[param(required = false, example = "model,channel")]
    by: String,
    /// `hour` or `day`.
    #[param(required = false, example = "day")]
    bucket: String,
}

impl Asked {
    /// The search in whole buckets; without a time, the last 30 days or 24 hours.
    fn search(&self, now: Timestamp) -> Result<UsageSearch, Problem> {
        let bucket = self.bucket()?;
        let usual = match bucket {
            Bucket::Day => SignedDuration::from_hours(30 * 24),
            Bucket::Hour => SignedDuration::from_hours(24),
        };
        let to = given("to", &self.to)?.unwrap_or(now);
        let from = given("from", &self.from)?;
        let from = from.unwrap_or(to.checked_sub(usual).unwrap_or(Timestamp::MIN));
        let (from, to) = (bucket.start(from), bucket.end(to));
        if from >= to {
            return Err(Problem::bad_request("from: not before `to`"));
        }
        if from.duration_until(to) > bucket.longest() {
            let days = bucket.longest().as_hours() / 24;
            let detail = format!("from: more than {days} days before `to`");
            return Err(Problem::bad_request(detail));
        }
        let by = self.dimensions()?;
        Ok(UsageSearch {
            from,
            to,
            bucket,
            by,
        })
    }

    fn bucket(&self) -> Result<Bucket, Problem> {
        match self.bucket.as_str() {
            "" | "day" => Ok(Bucket::Day),
            "hour" => Ok(Bucket::Hour),
            _ => Err(Problem::bad_request("bucket: hour or day")),
        }
    }

    fn dimensions(&self) -> Result<Vec<Dimension>, Problem> {
        let names = self.by.split(',').filter(|name| !name.is_empty());
        let known = names.map(|name| {
            let mut all = Dimension::ALL.into_iter();
            all.find(|one| one.as_str() == name)
                .ok_or_else(|| Problem::bad_request("by: any of model, token, user, channel"))
        });
        let mut by = known.collect::<Result<Vec<_>, _>>()?;
        by.sort_unstable();
        by.dedup();
        Ok(by)
    }
}

/// The answer, and the question as it was understood.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    from: Timestamp,
    to: Timestamp,
    #[schema(value_type = String)]
    bucket: &'static str,
    #[schema(value_type = Vec<String>)]
    by: Vec<&'static str>,
    /// `at`, the names that were asked for, `requests`, `usage` and `cost` of each.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Item>,
}

impl Used {
    fn new(search: &UsageSearch, sums: Vec<Sum>) -> Used {
        Used {
            from: search.from,
            to: search.to,
            bucket: match search.bucket {
                Bucket::Hour => "hour",
                Bucket::Day => "day",
            },
            by: search.by.iter().map(|one| one.as_str()).collect(),
            items: sums.into_iter().map(Item).collect(),
        }
    }
}

/// One sum: its time, the names that were asked for, and what was used.
struct Item(Sum);

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Item(sum) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &sum.at)?;
        for (dimension, name) in &sum.names {
            map.serialize_entry(dimension.as_str(), name)?;
        }
        map.serialize_entry("requests", &sum.requests)?;
        map.serialize_entry("usage", &sum.usage)?;
        map.serialize_entry("cost", &sum.cost)?;
        map.end()
    }
}
