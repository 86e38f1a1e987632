//! One try at one candidate: channel x key x replica. It does not know who runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::health::{Admission, Change, Outcome, Tick};
use config::plan::{Candidate, Plan};
use config::provider;
use config::snapshot::{Base, Channel, UpstreamKey};
use http::header;
use http::{HeaderName, HeaderValue};
use llm::ask::Ask;
use llm::prepare::{Prepare, prepare};
use llm::suffix::Wish;
use llm::tap::Framing;
use llm::{Format, Operation};
use pingora::protocols::ALPN;
use pingora::upstreams::peer::HttpPeer;
use secrecy::ExposeSecret;

use crate::exchange::{Asked, Exchange, Route};
use crate::failover::{self, Happened};
use crate::head::Head;
use crate::reject::{Cause, Refusal};
use crate::shared::Shared;
use crate::translate::{self, Translation};

/// A connection that lies idle longer than this is closed: load balancers of providers close
/// theirs after 60 s and more.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// One try.
pub(crate) struct Attempt {
    pub(crate) candidate: Candidate,
    pub(crate) base: Base,
    pub(crate) peer: Box<HttpPeer>,
    /// The body to send, prepared for this candidate.
    pub(crate) body: Bytes,
    /// The candidate speaks the caller's format.
    same_format: bool,
    /// For a candidate whose answer must be translated.
    pub(crate) translation: Option<Translation>,
    /// Made anew after a pooled connection had died; not pooled again.
    pub(crate) fresh: bool,
    reported: bool,
}

/// Why no attempt could begin.
pub(crate) enum NoAttempt {
    /// Every candidate was tried, or the number of retries is used up.
    Exhausted,
    /// This candidate failed before anything was sent.
    Failed(Box<Happened>),
    /// The request itself cannot be prepared.
    Refused(Box<Refusal>),
    /// This candidate's format cannot carry the request; another's may.
    Unfit(Box<Refusal>),
}

impl Attempt {
    /// Begins with the route's current candidate, skipping those whose lane is shut.
    pub(crate) async fn begin(
        shared: &Shared,
        exchange: &mut Exchange,
    ) -> Result<Attempt, NoAttempt> {
        let allowed = exchange.snapshot.gateway.retries + 1;
        let Some(route) = &mut exchange.route else {
            return Err(NoAttempt::Exhausted);
        };
        let candidate = loop {
            if route.attempts >= allowed {
                return Err(NoAttempt::Exhausted);
            }
            let Some(candidate) = route.current().cloned() else {
                return Err(NoAttempt::Exhausted);
            };
            let lane = &candidate.channel.keys[candidate.key].lane;
            if matches!(lane.admit(Tick::now()), Admission::Closed { .. }) {
                route.next += 1;
                route.tried.clear();
                continue;
            }
            break candidate;
        };
        let (body, translation) = match prepared(shared, exchange, &candidate) {
            Ok(prepared) => prepared,
            Err(refused) => {
                // A probe owes its lane a report.
                report(shared, &candidate, failover::Effect::Neutral);
                return Err(refused);
            }
        };
        let (Some(asked), Some(route)) = (&exchange.asked, &mut exchange.route) else {
            return Err(NoAttempt::Exhausted);
        };
        exchange.dropped.clear();
        if let Some(translation) = &translation {
            exchange.dropped.clone_from(&translation.dropped);
            shared
                .metrics
                .dropped(&candidate.channel.name, translation.dropped.len());
        }
        route.attempts += 1;
        let (base, peer) = way(shared, asked, &candidate, route).await?;
        Ok(Attempt {
            same_format: candidate.format == exchange.format,
            candidate,
            base,
            peer,
            body,
            translation,
            fresh: false,
            reported: false,
        })
    }

    /// One for a request of the gateway's own in the candidate's format, whatever its lane says.
    pub(crate) async fn of_own(
        shared: &Shared,
        candidate: Candidate,
        asked: &Asked,
    ) -> Result<Attempt, NoAttempt> {
        let body = patched(
            &asked.body,
            &asked.ask,
            false,
            None,
            Operation::Chat,
            &candidate,
        )?;
        let mut route = Route::new(Plan {
            candidates: vec![candidate.clone()],
        });
        let (base, peer) = way(shared, asked, &candidate, &mut route).await?;
        Ok(Attempt {
            same_format: true,
            candidate,
            base,
            peer,
            body,
            translation: None,
            fresh: false,
            reported: false,
        })
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.candidate.channel
    }

    fn key(&self) -> &UpstreamKey {
        &self.candidate.channel.keys[self.candidate.key]
    }

    /// The head of the upstream request.
    pub(crate) fn head<'a>(&'a self, asked: &'a Asked, operation: Operation) -> Head<'a> {
        let channel = self.channel();
        let mut head = Head::new(provider::upstream_path(
            channel,
            &self.base,
            self.candidate.format,
            operation,
            &self.candidate.model,
            asked.ask.stream,
            self.query(asked),
        ));
        for (name, value) in &asked.headers {
            if self.forwards(name) {
                head.append(name, value);
            }
        }
        if !head.has(&header::CONTENT_TYPE) {
            let json = HeaderValue::from_static("application/json");
            head.set_own(header::CONTENT_TYPE, json);
        }
        let identity = HeaderValue::from_static("identity");
        head.set_own(header::ACCEPT_ENCODING, identity);
        head.set_own(header::CONTENT_LENGTH, self.body.len().into());
        for name in &channel.header_remove {
            head.remove(name);
        }
        for (name, value) in &channel.header_default {
            if !head.has(name) {
                head.append(name, value);
            }
        }
        if let Some((name, value)) = &self.key().header {
            head.set(name, value);
        }
        for (name, value) in &channel.header_set {
            head.set(name, value);
        }
        head
    }

    /// How the upstream was asked to frame its answer. A converted request asks for events: the
    /// array that Gemini's callers may want is made here.
    pub(crate) fn framing(&self, asked: &Asked) -> Framing {
        match (self.same_format, asked.framing) {
            (false, Framing::JsonArray) => Framing::Sse,
            (_, framing) => framing,
        }
    }

    fn query<'a>(&self, asked: &'a Asked) -> &'a str {
        match self.same_format {
            true => &asked.query,
            false => translate::query(self.candidate.format, asked.ask.stream),
        }
    }

    fn forwards(&self, name: &HeaderName) -> bool {
        self.same_format || translate::understands(self.candidate.format, name.as_str())
    }

    /// The status as the failover table sees it.
    pub(crate) fn judged(&self, status: u16) -> u16 {
        let map = &self.channel().status_map;
        map.get(&status).copied().unwrap_or(status)
    }

    /// Asks for a connection of its own: the pooled one had died.
    pub(crate) fn renew(&mut self) {
        static TURN: AtomicU64 = AtomicU64::new(1);
        // Connections are pooled by group too: a number never used has none waiting.
        self.peer.group_key = TURN.fetch_add(1, Ordering::Relaxed);
        self.fresh = true;
        self.reported = false;
    }

    /// Tells the lane how it went; once.
    pub(crate) fn report(&mut self, shared: &Shared, effect: failover::Effect) {
        if !std::mem::replace(&mut self.reported, true) {
            report(shared, &self.candidate, effect);
        }
    }

    /// Tells the lane that it answered.
    pub(crate) fn succeeded(&mut self, shared: &Shared) {
        if !std::mem::replace(&mut self.reported, true) {
            learn(shared, &self.candidate, Outcome::Success, Tick::now());
        }
    }

    /// Tells the lane that an answer it was praised for broke off.
    pub(crate) fn broke_off(&self, shared: &Shared) {
        report(shared, &self.candidate, failover::Effect::Failure);
    }

    /// Takes secrets, hosts and accounts out of the upstream's words.
    pub(crate) fn scrub(&self, message: &str) -> String {
        scrubbed(self.channel(), &self.base, message)
    }
}

/// `message` without the keys of `channel`, its hosts, and whatever looks like a secret.
pub(crate) fn scrubbed(channel: &Channel, base: &Base, message: &str) -> String {
    let mut secrets = vec![base.host.as_str(), base.authority.as_str()];
    secrets.extend(channel.keys.iter().map(|key| key.secret.expose_secret()));
    secrets.retain(|secret| !secret.is_empty());
    llm::fault::scrub(message, &secrets)
}

fn report(shared: &Shared, candidate: &Candidate, effect: failover::Effect) {
    let now = Tick::now();
    let outcome = effect.outcome(candidate.channel.auto_disable, now);
    learn(shared, candidate, outcome, now);
}

fn learn(shared: &Shared, candidate: &Candidate, outcome: Outcome, now: Tick) {
    let channel = &candidate.channel;
    let changed: Option<Change> = channel.keys[candidate.key].lane.report(outcome, now);
    if let Some(change) = changed {
        tracing::warn!(
            channel = &*channel.name,
            key = candidate.key,
            ?change,
            "channel health changed"
        );
        shared.metrics.channel_up(channel, now);
    }
}

/// The upstream's body, converted where the candidate speaks another format.
fn prepared(
    shared: &Shared,
    exchange: &Exchange,
    to: &Candidate,
) -> Result<(Bytes, Option<Translation>), NoAttempt> {
    let Some(asked) = &exchange.asked else {
        return Err(NoAttempt::Exhausted);
    };
    let operation = exchange.operation;
    // A Responses body on the chat address is no chat request, whoever answers it.
    if to.format == exchange.format && !asked.ask.responses_shaped {
        let ask_usage = asks_usage(asked, to.format);
        let body = patched(&asked.body, &asked.ask, ask_usage, to.wish, operation, to)?;
        let aloud = translate::is_aloud(exchange, to);
        let translation = aloud.then(|| Translation::aloud(to.format, &asked.body));
        return Ok((body, translation));
    }
    let unfit = |refusal| NoAttempt::Unfit(Box::new(refusal));
    let translated = translate::request(shared, exchange, asked, to).map_err(unfit)?;
    let mut body = translated.body;
    if !translate::is_done(exchange, asked, to) {
        let ask = translate::reread(exchange, asked, to, &body).map_err(unfit)?;
        // The translation has put the wish in.
        body = patched(&body, &ask, ask.stream, None, operation, to)?;
    }
    Ok((body, Some(translated.translation)))
}

/// `body` with the candidate's model, quirks and rules in it.
fn patched(
    body: &Bytes,
    ask: &Ask,
    ask_usage: bool,
    wish: Option<Wish>,
    operation: Operation,
    to: &Candidate,
) -> Result<Bytes, NoAttempt> {
    let channel = &to.channel;
    let wanted = Prepare {
        format: to.format,
        operation,
        ask,
        model: &to.model,
        quirks: channel.quirks,
        wish,
        ask_usage,
        remove: &channel.body.remove,
        default: &channel.body.default,
        set: &channel.body.set,
        system_prompt: &channel.system_prompt,
    };
    prepare(body, &wanted).map_err(|bad| {
        NoAttempt::Refused(Box::new(
            Refusal::new(Cause::Malformed, bad.to_string()).at(bad.param()),
        ))
    })
}

/// Whether usage is asked for on the caller's behalf, and hidden from it again.
pub(crate) fn asks_usage(asked: &Asked, format: Format) -> bool {
    format == Format::Chat && asked.streamed() && !asked.ask.wants_usage
}

/// Where the candidate is, and how it is connected to. One that cannot be found has failed.
async fn way(
    shared: &Shared,
    asked: &Asked,
    candidate: &Candidate,
    route: &mut Route,
) -> Result<(Base, Box<HttpPeer>), NoAttempt> {
    let channel = &candidate.channel;
    let found = locate(shared, asked, channel, route).await;
    let found = found.map_err(Happened::NoConnection);
    let ready = found.and_then(|(base, address)| {
        let peer = peer(shared, channel, &base, address)?;
        Ok((base, peer))
    });
    ready.map_err(|happened| {
        report(shared, candidate, failover::Effect::Failure);
        NoAttempt::Failed(Box::new(happened))
    })
}

async fn locate(
    shared: &Shared,
    asked: &Asked,
    channel: &Arc<Channel>,
    route: &mut Route,
) -> Result<(Base, std::net::SocketAddr), String> {
    let Some(endpoints) = &channel.endpoints else {
        let base = channel.base.clone();
        let address = shared
            .resolver
            .resolve(&base.host, base.port, channel.timeouts.connect)
            .await?;
        return Ok((base, address));
    };
    let pool = shared.replicas.pool(channel, endpoints);
    let replica = pool
        .choose(prompt_prefix(&asked.body), &route.tried)
        .await?;
    route.tried.push(replica.index);
    Ok((endpoints.bases[replica.index].clone(), replica.address))
}

/// The beginning of the prompt: requests that share it want the same replica's cache.
fn prompt_prefix(body: &[u8]) -> &[u8] {
    const PREFIX: usize = 1024;
    let from = [
        &b"\"messages\""[..],
        b"\"input\"",
        b"\"contents\"",
        b"\"prompt\"",
    ]
    .iter()
    .find_map(|name| memchr::memmem::find(body, name))
    .unwrap_or(0);
    &body[from..body.len().min(from + PREFIX)]
}

fn peer(
    shared: &Shared,
    channel: &Channel,
    base: &Base,
    address: std::net::SocketAddr,
) -> Result<Box<HttpPeer>, Happened> {
    let mut peer = HttpPeer::new(address, base.https, base.host.clone());
    let options = &mut peer.options;
    options.connection_timeout = Some(channel.timeouts.connect);
    options.total_connection_timeout = Some(channel.timeouts.connect);
    options.read_timeout = Some(channel.timeouts.idle.max(channel.timeouts.first_byte));
    options.write_timeout = Some(channel.timeouts.first_byte);
    options.idle_timeout = Some(IDLE_CONNECTION);
    options.verify_cert = channel.tls_verify;
    options.verify_hostname = channel.tls_verify;
    options.alpn = match (base.https, channel.h2c) {
        (true, _) => ALPN::H2H1,
        (false, true) => ALPN::H2,
        (false, false) => ALPN::H1,
    };
    // One HTTP/2 connection carries many streams; providers allow about 100.
    options.max_h2_streams = 100;
    if let Some(path) = &channel.tls_ca {
        let loaded = shared.authorities.load(path);
        let authority = loaded.map_err(|error| {
            Happened::NoConnection(format!("tls.ca of the channel cannot be used: {error}"))
        })?;
        options.ca = Some(authority);
    }
    Ok(Box::new(peer))
}

/// `retry-after` or `retry-after-ms` of a head; dates count from now.
pub(crate) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok()) {
        return bounded(ms / 1000.0);
    }
    let value = text("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return bounded(seconds);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    )
}

/// A wait that an upstream may ask for: up to a day.
fn bounded(seconds: f64) -> Option<Duration> {
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_read_in_every_spelling() {
        let of = |name: &'static str, value: &str| {
            let mut map = http::HeaderMap::new();
            map.insert(name, value.parse().expect("a header value"));
            retry_after(&map)
        };
        assert_eq!(of("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(of("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(
            of("retry-after-ms", "250"),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            of("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        for rubbish in ["-1", "1e300", "soon", "NaN", "inf"] {
            assert_eq!(of("retry-after", rubbish), None, "{rubbish}");
        }
    }
}
