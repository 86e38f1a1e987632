//! The connection to Redis: bounded waits, and a pause after a failure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Pipeline, RedisError, ScriptInvocation};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::BadRedisUrl;

/// Longest a request waits for Redis. A round trip in a data centre is half a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);
/// After a failure nobody asks for so long: a Redis that is away costs one wait a second, not one
/// for each request.
const PAUSE: Duration = Duration::from_secs(1);
/// Never asked to pause.
const NO_PAUSE: u64 = 0;

/// A connection that mends itself.
pub(super) struct Link {
    client: Client,
    manager: OnceCell<ConnectionManager>,
    begun: Instant,
    /// Milliseconds after `begun` until which nobody asks.
    paused_until: AtomicU64,
}

impl Link {
    pub(super) fn new(url: &str) -> Result<Link, BadRedisUrl> {
        Ok(Link {
            client: Client::open(url).map_err(|_| BadRedisUrl)?,
            manager: OnceCell::new(),
            begun: Instant::now(),
            paused_until: AtomicU64::new(NO_PAUSE),
        })
    }

    /// Runs a script that answers with numbers; `None`: Redis is away.
    pub(super) async fn run(&self, call: &ScriptInvocation<'_>) -> Option<Vec<i64>> {
        let mut connection = self.connection().await?;
        let answer = timeout(PATIENCE, call.invoke_async::<Vec<i64>>(&mut connection)).await;
        self.heard(answer.ok())
    }

    /// Runs a script whose answer nobody needs; `false`: Redis is away.
    pub(super) async fn tell(&self, call: &ScriptInvocation<'_>) -> bool {
        let Some(mut connection) = self.connection().await else {
            return false;
        };
        let answer = timeout(PATIENCE, call.invoke_async::<i64>(&mut connection)).await;
        self.heard(answer.ok()).is_some()
    }

    /// Sends commands whose answers nobody needs.
    pub(super) async fn send(&self, commands: &Pipeline) {
        let Some(mut connection) = self.connection().await else {
            return;
        };
        let sent = commands.query_async::<()>(&mut connection);
        self.heard(timeout(PATIENCE, sent).await.ok());
    }

    async fn connection(&self) -> Option<ConnectionManager> {
        if self.now() < self.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        let made = self.manager.get_or_try_init(|| async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(0)
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_with_config(self.client.clone(), config).await
        });
        let made = timeout(PATIENCE, made).await.ok();
        self.heard(made.map(|made| made.cloned()))
    }

    /// Passes a success on; a failure pauses.
    fn heard<T>(&self, answer: Option<Result<T, RedisError>>) -> Option<T> {
        let error = match answer {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => error.category().to_owned(),
            None => "no answer in time".to_owned(),
        };
        let until = self.now() + PAUSE.as_millis() as u64;
        let before = self.paused_until.swap(until, Ordering::Relaxed);
        // Once a pause, not once a request; the category holds neither address nor password.
        if before < self.now() {
            tracing::warn!(
                error,
                "redis cannot be reached: shared limits are not counted"
            );
        }
        None
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }
}
