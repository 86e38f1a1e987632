//! Asks a channel one tiny question without a caller, to see whether it is well. Nobody pays for it, and it leaves
//! no record.

use std::time::{Duration, Instant};

use bytes::Bytes;
use config::plan::Candidate;
use config::snapshot::{AUTO, Channel, Snapshot};
use llm::tap::Framing;
use llm::{Format, Operation, ask};
use pingora::protocols::http::client::HttpSession as Upstream;
use pingora::protocols::http::v1::client::HttpSession as Http1;
use pingora::time::timeout;
use serde_json::json;

use crate::attempt::{Attempt, NoAttempt, retry_after};
use crate::exchange::Asked;
use crate::failover::{self, Happened};
use crate::shared::Shared;
use crate::upstream::{MAX_ERROR_BODY, broken, left, write_http1};

/// From the connection to the end of the answer. The channel's own timers are made for long answers.
const LIMIT: Duration = Duration::from_secs(20);
/// Tokens of the answer, where the format knows a short word for it. OpenAI's chat models disagree on the
/// word, and answer a greeting briefly without it.
const MAX_OUTPUT: u64 = 16;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The upstream's status, when there was an answer.
    pub status: Option<u16>,
    /// From the first step to the end of the answer.
    pub took: Duration,
    /// What went wrong, scrubbed of secrets.
    pub error: Option<String>,
}

/// Why nothing was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProbe {
    /// No channel has that name.
    #[error("there is no such channel")]
    UnknownChannel,
    /// Its models are all wildcards, and none was named.
    #[error("name a model: the channel's own are wildcards")]
    NoModel,
}

impl Shared {
    /// Asks the channel, of whatever state, for `model` or the first that it names, with its first key
    /// that is not shut, or else its first. Success makes the key well again; a failure counts as any other.
    ///
    /// # Errors
    /// When there is nobody or nothing to ask for.
    pub async fn probe(&self, channel: &str, model: Option<&str>) -> Result<Probed, NoProbe> {
        let candidate = candidate(&self.live.full(), channel, model)?;
        let begun = Instant::now();
        let lane = candidate.channel.clone();
        let key = candidate.key;
        let ended = timeout(LIMIT, Box::pin(run(self, candidate))).await;
        let (status, error) = ended.unwrap_or((None, Some("no answer in time".into())));
        if error.is_none() {
            lane.keys[key].lane.clear();
        }
        let took = begun.elapsed();
        Ok(Probed {
            status,
            took,
            error,
        })
    }
}

fn candidate(snapshot: &Snapshot, name: &str, model: Option<&str>) -> Result<Candidate, NoProbe> {
    let mut channels = snapshot.channels.iter();
    let channel = channels.find(|channel| *channel.name == *name);
    let channel = channel.ok_or(NoProbe::UnknownChannel)?;
    let asked = model.or_else(|| named(channel)).ok_or(NoProbe::NoModel)?;
    let upstream = channel.model_map.get(asked).cloned();
    let group = channel.groups.first().cloned();
    Ok(Candidate {
        group: group.unwrap_or_else(|| AUTO.into()),
        key: key(channel),
        model: upstream.unwrap_or_else(|| asked.into()),
        format: channel.formats[0],
        wish: None,
        channel: channel.clone(),
    })
}

fn named(channel: &Channel) -> Option<&str> {
    let mut exact = channel.models.iter().filter(|model| model.is_exact());
    let mapped = channel.model_map.keys().next();
    exact
        .next()
        .map(config::pattern::Pattern::as_str)
        .or(mapped.map(String::as_str))
}

fn key(channel: &Channel) -> usize {
    let now = config::health::Tick::now();
    let well = |key: &config::snapshot::UpstreamKey| {
        matches!(key.lane.state(now), config::health::LaneState::Up)
    };
    channel.keys.iter().position(well).unwrap_or(0)
}

/// The greeting, in the words of a format.
fn greeting(format: Format, model: &str) -> Bytes {
    let message = json!([{ "role": "user", "content": "hi" }]);
    let body = match format {
        Format::Chat => json!({ "model": model, "messages": message }),
        Format::Responses => {
            json!({ "model": model, "input": "hi", "max_output_tokens": MAX_OUTPUT })
        }
        Format::Messages => {
            json!({ "model": model, "messages": message, "max_tokens": MAX_OUTPUT })
        }
        Format::Gemini => json!({
            "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }],
            "generationConfig": { "maxOutputTokens": MAX_OUTPUT },
        }),
    };
    body.to_string().into()
}

/// The status and the error, if it is one.
async fn run(shared: &Shared, candidate: Candidate) -> (Option<u16>, Option<String>) {
    let body = greeting(candidate.format, &candidate.model);
    let ask = match ask::read(candidate.format, Operation::Chat, &body) {
        Ok(mut ask) => {
            ask.model = candidate.model.to_string();
            ask
        }
        Err(bad) => return (None, Some(bad.to_string())),
    };
    let asked = Asked {
        ask,
        body,
        framing: Framing::Whole,
        query: String::new(),
        headers: Vec::new(),
    };
    let mut attempt = match Attempt::of_own(shared, candidate, &asked).await {
        Ok(attempt) => attempt,
        Err(NoAttempt::Failed(happened)) => return (None, Some(failover::detail(&happened))),
        Err(NoAttempt::Refused(refusal) | NoAttempt::Unfit(refusal)) => {
            return (None, Some(refusal.message.clone()));
        }
        Err(NoAttempt::Exhausted) => return (None, None),
    };
    match answered(shared, &attempt, &asked).await {
        Ok(status) => (Some(status), None),
        Err(happened) => {
            attempt.report(shared, failover::effect(&happened));
            let status = match &happened {
                Happened::Status { status, .. } => Some(*status),
                _ => None,
            };
            (status, Some(attempt.scrub(&failover::detail(&happened))))
        }
    }
}

/// Sends the request and reads the answer; the connection is not kept.
async fn answered(shared: &Shared, attempt: &Attempt, asked: &Asked) -> Result<u16, Happened> {
    let lost = |error: Box<pingora::Error>| broken(false, &error);
    let deadline = Instant::now() + LIMIT;
    let connected = shared.upstreams.get(&attempt.peer).await;
    let (upstream, _) = connected.map_err(|error| Happened::NoConnection(error.to_string()))?;
    let head = attempt.head(asked, Operation::Chat);
    let mut upstream = match upstream {
        Upstream::H1(h1) => {
            let head = head.http1(&attempt.base).map_err(lost)?;
            let mut stream = h1.into_inner();
            let sent = write_http1(&mut stream, head, attempt.body.clone(), left(deadline)).await;
            sent.map_err(lost)?;
            Upstream::H1(Http1::new_with_options(stream, &*attempt.peer))
        }
        mut other => {
            let head = head.http2(&attempt.base).map_err(lost)?;
            other
                .write_request_header(Box::new(head))
                .await
                .map_err(lost)?;
            other
                .write_request_body(attempt.body.clone(), true)
                .await
                .map_err(lost)?;
            other.finish_request_body().await.map_err(lost)?;
            other
        }
    };
    upstream.read_response_header().await.map_err(lost)?;
    let Some(head) = upstream.response_header() else {
        return Err(Happened::Unreadable("no head came".into()));
    };
    let (status, wait) = (head.status.as_u16(), retry_after(&head.headers));
    let mut body = Vec::new();
    while let Some(chunk) = upstream.read_response_body().await.map_err(lost)? {
        let room = MAX_ERROR_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BODY {
            break;
        }
    }
    upstream.shutdown().await;
    let judged = attempt.judged(status);
    match judged {
        200..=299 => Ok(status),
        _ => {
            let fault = llm::fault::read(judged, &body);
            Err(Happened::Status {
                status: judged,
                retry_after: wait.or(fault.retry_after),
                fault: Box::new(fault),
            })
        }
    }
}
