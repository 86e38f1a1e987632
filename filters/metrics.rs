//! Every metric name in one file, and the handles that requests count with.
//!
//! Label values come from the configuration; anything else is `other`, so that no caller can
//! make the number of series grow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use config::Live;
use config::health::{self, Tick};
use config::snapshot::{Channel, Snapshot};
use ledger::{Record, UsageSource, Writer};
use prometheus::{
    Counter, CounterVec, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, Opts, Registry,
};

/// What stands for every value the configuration does not know.
pub(crate) const OTHER: &str = "other";

/// Seconds from a fast refusal to the longest answers.
const DURATIONS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// OpenTelemetry's buckets for the time to the first token, in seconds.
const FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// OpenTelemetry's buckets for request durations, in seconds.
const OTEL_DURATIONS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// OpenTelemetry's buckets for tokens.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// The gateway's own time, in seconds: 50 µs to 250 ms.
const OVERHEAD: &[f64] = &[
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
];

/// The data plane's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    dropped: IntCounterVec,
    shadowed: IntCounterVec,
    counters_away: IntCounter,
    attempts: IntCounterVec,
    tokens: IntCounterVec,
    cost: CounterVec,
    duration: HistogramVec,
    first_byte: HistogramVec,
    overhead: Histogram,
    in_flight: IntGauge,
    refused: IntCounterVec,
    channel_up: GaugeVec,
    config_valid: IntGauge,
    config_generation: IntGauge,
    config_waiting: IntGauge,
    rows_unreadable: IntGauge,
    ledger_queue: IntGauge,
    journal_bytes: IntGauge,
    journal_full: IntGauge,
    estimated: IntCounter,
    otel_tokens: HistogramVec,
    otel_duration: HistogramVec,
    otel_first_token: HistogramVec,
    known: ArcSwap<Known>,
    handles: Mutex<HashMap<Series, Arc<Handles>>>,
}

/// Names that may become label values.
#[derive(Default)]
struct Known {
    models: std::collections::HashSet<Box<str>>,
}

/// What one combination of labels counts with; resolved once.
struct Handles {
    requests: IntCounter,
    duration: Histogram,
    first_byte: Histogram,
    token_classes: [IntCounter; TOKEN_CLASSES.len()],
    cost: Counter,
    otel_input: Histogram,
    otel_output: Histogram,
    otel_duration: Histogram,
    otel_first_token: Histogram,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Series {
    operation: &'static str,
    format: &'static str,
    model: Box<str>,
    channel: Box<str>,
    status: u16,
}

/// Most combinations whose handles are kept; beyond it the table starts anew.
const MAX_HANDLES: usize = 10_000;

const TOKEN_CLASSES: [&str; 10] = [
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
];

impl Metrics {
    /// Registers every metric with `registry`.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let histograms = |name: &str, help: &str, buckets: &[f64], labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let made = HistogramVec::new(options, labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let gauge = |name: &str, help: &str| {
            let made = IntGauge::new(name, help)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let cost = CounterVec::new(
            Opts::new("tollgate_cost_usd_total", "USD charged"),
            &["model", "channel"],
        )?;
        registry.register(Box::new(cost.clone()))?;
        let channel_up = GaugeVec::new(
            Opts::new(
                "tollgate_channel_up",
                "1 while a key of the channel may be used",
            ),
            &["channel"],
        )?;
        registry.register(Box::new(channel_up.clone()))?;
        let overhead = Histogram::with_opts(
            HistogramOpts::new(
                "tollgate_overhead_seconds",
                "Time the gateway itself spent before the first attempt",
            )
            .buckets(OVERHEAD.to_vec()),
        )?;
        registry.register(Box::new(overhead.clone()))?;
        let estimated = IntCounter::new(
            "tollgate_estimated_usage_total",
            "Answers whose tokens the gateway counted itself, in part or in whole",
        )?;
        registry.register(Box::new(estimated.clone()))?;
        let counters_away = IntCounter::new(
            "tollgate_counters_away_total",
            "Requests of limited callers whose limits could not be checked",
        )?;
        registry.register(Box::new(counters_away.clone()))?;
        let by_request = ["operation", "client_format", "model"];
        let otel = ["gen_ai_operation_name", "gen_ai_request_model"];
        Ok(Metrics {
            requests: counters(
                "tollgate_requests_total",
                "Model operations of authenticated callers",
                &["operation", "client_format", "model", "status"],
            )?,
            attempts: counters(
                "tollgate_attempts_total",
                "Attempts at upstreams by what came of them",
                &["channel", "result"],
            )?,
            shadowed: counters(
                "tollgate_limit_shadow_total",
                "Requests that a limit in shadow mode would have refused",
                &["scope", "kind"],
            )?,
            counters_away,
            dropped: counters(
                "tollgate_dropped_fields_total",
                "Fields of requests that another format could not carry and the answer can do without",
                &["channel"],
            )?,
            tokens: counters(
                "tollgate_tokens_total",
                "Tokens by class; input includes cache classes, output includes reasoning",
                &["class", "model", "channel"],
            )?,
            cost,
            duration: histograms(
                "tollgate_request_duration_seconds",
                "From the request's head to the end of its answer",
                DURATIONS,
                &by_request,
            )?,
            first_byte: histograms(
                "tollgate_first_byte_seconds",
                "From the request's head to the first byte of the answer's body",
                DURATIONS,
                &by_request,
            )?,
            overhead,
            in_flight: gauge("tollgate_in_flight", "Requests being answered")?,
            refused: counters(
                "tollgate_refused_total",
                "Requests the gateway answered with an error, by reason",
                &["reason"],
            )?,
            channel_up,
            config_valid: gauge(
                "tollgate_config_valid",
                "0 after a reload that did not compile",
            )?,
            config_generation: gauge(
                "tollgate_config_generation",
                "Number of the running configuration, counted from start",
            )?,
            config_waiting: gauge(
                "tollgate_config_waiting",
                "Settings that were changed and wait for a restart",
            )?,
            rows_unreadable: gauge(
                "tollgate_rows_unreadable",
                "Users, keys, channels, groups and models of the store that are not in force, because they are wrong",
            )?,
            ledger_queue: gauge("tollgate_ledger_queue", "Records that wait for the store")?,
            journal_bytes: gauge("tollgate_journal_bytes", "Bytes in the journal")?,
            journal_full: gauge(
                "tollgate_journal_full",
                "1 while the journal takes no new requests: at its maximum, or the disk is full",
            )?,
            estimated,
            otel_tokens: histograms(
                "gen_ai_client_token_usage",
                "Tokens per request (OpenTelemetry gen_ai.client.token.usage)",
                TOKENS,
                &[
                    "gen_ai_operation_name",
                    "gen_ai_request_model",
                    "gen_ai_token_type",
                ],
            )?,
            otel_duration: histograms(
                "gen_ai_server_request_duration_seconds",
                "Request duration (OpenTelemetry gen_ai.server.request.duration)",
                OTEL_DURATIONS,
                &otel,
            )?,
            otel_first_token: histograms(
                "gen_ai_server_time_to_first_token_seconds",
                "Time to first token (OpenTelemetry gen_ai.server.time_to_first_token)",
                FIRST_TOKEN,
                &otel,
            )?,
            known: ArcSwap::default(),
            handles: Mutex::default(),
            registry: registry.clone(),
        })
    }

    /// Takes up the names of a new configuration.
    pub fn on_reload(&self, snapshot: &Snapshot, live: &Live) {
        let models = snapshot.model_names().into_iter().map(Box::from).collect();
        self.known.store(Arc::new(Known { models }));
        self.how_it_is(live);
        self.config_generation
            .set(i64::try_from(snapshot.number).unwrap_or(i64::MAX));
        self.config_waiting
            .set(i64::try_from(snapshot.waiting).unwrap_or(i64::MAX));
        self.channel_up.reset();
        let now = Tick::now();
        for channel in &snapshot.channels {
            self.channel_up(channel, now);
        }
    }

    /// Shows whether any key of `channel` may be used.
    pub(crate) fn channel_up(&self, channel: &Channel, now: Tick) {
        let up = health::channel_up(channel, now);
        self.channel_up
            .with_label_values(&[&*channel.name])
            .set(if up { 1.0 } else { 0.0 });
    }

    /// Refreshes what is only known at the moment of a scrape.
    pub fn on_scrape(&self, snapshot: &Snapshot, in_flight: usize, writer: &Writer, live: &Live) {
        self.in_flight.set(in_flight as i64);
        self.ledger_queue.set(writer.queued() as i64);
        self.journal_bytes.set(writer.journal_bytes() as i64);
        self.journal_full.set(writer.journal_is_full().into());
        self.how_it_is(live);
        let now = Tick::now();
        for channel in &snapshot.channels {
            self.channel_up(channel, now);
        }
    }

    /// Shows whether all that is configured is in force.
    fn how_it_is(&self, live: &Live) {
        self.config_valid.set(i64::from(live.is_valid()));
        self.rows_unreadable.set(live.rows_unreadable() as i64);
    }

    /// The registry the metrics live in.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    pub(crate) fn attempt(&self, channel: &str, result: &'static str) {
        self.attempts.with_label_values(&[channel, result]).inc();
    }

    /// Counts fields of a request that the channel's format could not carry.
    pub(crate) fn dropped(&self, channel: &str, fields: usize) {
        if fields > 0 {
            let dropped = self.dropped.with_label_values(&[channel]);
            dropped.inc_by(fields as u64);
        }
    }

    /// Counts a request that a limit in shadow mode would have refused.
    pub(crate) fn shadowed(&self, scope: &'static str, kind: &'static str) {
        self.shadowed.with_label_values(&[scope, kind]).inc();
    }

    /// Counts a request whose limits could not be checked.
    pub(crate) fn counters_away(&self) {
        self.counters_away.inc();
    }

    /// Counts a closed exchange.
    pub(crate) fn closed(&self, record: &Record) {
        let handles = self.handles(record);
        let seconds = record.duration_ms as f64 / 1000.0;
        handles.requests.inc();
        handles.duration.observe(seconds);
        handles.otel_duration.observe(seconds);
        self.overhead.observe(record.overhead_us as f64 / 1e6);
        if let Some(first) = record.first_byte_ms {
            handles.first_byte.observe(first as f64 / 1000.0);
            handles.otel_first_token.observe(first as f64 / 1000.0);
        }
        if matches!(
            record.usage_source,
            UsageSource::Estimated | UsageSource::Mixed
        ) {
            self.estimated.inc();
        }
        let u = &record.usage;
        let counts = [
            u.input,
            u.cache_read,
            u.cache_write_5m,
            u.cache_write_1h,
            u.output,
            u.reasoning,
            u.audio_input,
            u.audio_output,
            u.image_input,
            u.image_output,
        ];
        for (counter, count) in handles.token_classes.iter().zip(counts) {
            if count > 0 {
                counter.inc_by(count);
            }
        }
        if record.usage_source != UsageSource::None {
            handles.otel_input.observe(u.input as f64);
            handles.otel_output.observe(u.output as f64);
            handles.cost.inc_by(record.cost.0 as f64 / 1e9);
        }
    }

    fn handles(&self, record: &Record) -> Arc<Handles> {
        let known = self.known.load();
        let model = if known.models.contains(record.model.as_str()) {
            record.model.as_str()
        } else {
            OTHER
        };
        let series = Series {
            operation: record.operation.as_str(),
            format: record.client_format.as_str(),
            model: model.into(),
            channel: record.channel.as_deref().unwrap_or("none").into(),
            status: record.status,
        };
        let mut table = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = table.get(&series) {
            return Arc::clone(found);
        }
        if table.len() >= MAX_HANDLES {
            table.clear();
        }
        let made = Arc::new(self.resolve(&series));
        table.insert(series, Arc::clone(&made));
        made
    }

    fn resolve(&self, series: &Series) -> Handles {
        let Series {
            operation,
            format,
            model,
            channel,
            status,
        } = series;
        let status = status.to_string();
        let request: [&str; 3] = [operation, format, model];
        let otel: [&str; 2] = [operation, model];
        let tokens = |kind: &str| {
            self.otel_tokens
                .with_label_values(&[*operation, model, kind])
        };
        Handles {
            requests: self
                .requests
                .with_label_values(&[*operation, format, model, &status]),
            duration: self.duration.with_label_values(&request),
            first_byte: self.first_byte.with_label_values(&request),
            token_classes: TOKEN_CLASSES
                .map(|class| self.tokens.with_label_values(&[class, model, channel])),
            cost: self.cost.with_label_values(&[&**model, channel]),
            otel_input: tokens("input"),
            otel_output: tokens("output"),
            otel_duration: self.otel_duration.with_label_values(&otel),
            otel_first_token: self.otel_first_token.with_label_values(&otel),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn record() -> Record {
        let record = serde_json::json!({
            "id": "r", "client_request_id": null, "at": "2026-01-01T00:00:00Z", "user": "root",
            "token": "t", "token_id": "yaml:t", "group": "default", "operation": "chat",
            "client_format": "chat", "upstream_format": "chat", "model": "unheard-of",
            "upstream_model": "m", "channel": "c", "attempts": 1, "status": 200,
            "end": "complete", "stream": true, "first_byte_ms": 5, "duration_ms": 9,
            "overhead_us": 80, "usage": { "input": 3, "output": 2 },
            "usage_source": "provider", "cost": "0.000000700", "config": "1-x",
        });
        serde_json::from_value(record).expect("the record of the contract")
    }

    fn counted() -> Registry {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).expect("each name once");
        metrics.closed(&record());
        metrics.attempt("c", "ok");
        metrics.refused("malformed");
        metrics.channel_up.with_label_values(&["c"]).set(1.0);
        registry
    }

    #[test]
    fn the_dashboard_names_only_metrics_that_exist() {
        let exist: BTreeSet<String> = counted()
            .gather()
            .iter()
            .map(|family| family.name().to_string())
            .collect();
        let dashboard = include_str!("../conf/grafana/tollgate.json");
        let named: BTreeSet<&str> = dashboard
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with("tollgate_") || word.starts_with("gen_ai_"))
            // Labels of the OpenTelemetry metrics look like names.
            .filter(|word| {
                !matches!(
                    *word,
                    "gen_ai_operation_name" | "gen_ai_request_model" | "gen_ai_token_type"
                )
            })
            .collect();
        assert!(named.len() > 10, "the dashboard is read: {named:?}");
        for name in named {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            assert!(exist.contains(family), "{name} is not a metric");
        }
    }

    #[test]
    fn a_model_nobody_configured_is_counted_as_other() {
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&counted().gather())
            .expect("metrics are text");
        assert!(text.contains(r#"model="other""#), "{text}");
        assert!(
            !text.contains("unheard-of"),
            "a caller's word became a label"
        );
    }
}
