//! Access lines on their way to standard error: gathered, and written many at a time.
//!
//! One write per request is a system call on the proxy's thread, and where the reader of the log
//! is slow it stops every request.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::access;

/// How long lines gather.
const GATHER: Duration = Duration::from_millis(10);
/// Bytes that wait at most: some ten thousand lines. Lines beyond that are counted and lost.
const MAX_WAITING: usize = 4 << 20;
/// A buffer that grew beyond this is given back to the system once it is written.
const KEPT: usize = 64 << 10;

/// Lines that wait, and the way out.
#[derive(Default)]
pub(super) struct Gather {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    /// Held while writing: whoever writes takes what waits first, so that order is kept.
    out: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    lost: u64,
    /// Whether a thread empties this; before there is one, and when it could not be started,
    /// every line is written at once.
    emptied: bool,
}

impl Gather {
    /// Starts the thread that writes.
    pub(super) fn start(&'static self) {
        let started = thread::Builder::new()
            .name("log".into())
            .spawn(|| self.empty_for_ever());
        lock(&self.waiting).emptied = started.is_ok();
    }

    fn empty_for_ever(&self) {
        loop {
            let waiting = lock(&self.waiting);
            drop(
                self.filled
                    .wait_while(waiting, |waiting| waiting.bytes.is_empty())
                    .unwrap_or_else(PoisonError::into_inner),
            );
            thread::sleep(GATHER);
            self.flush();
            let lost = std::mem::take(&mut lock(&self.waiting).lost);
            if lost > 0 {
                tracing::warn!(lost, "access lines came faster than they could be written");
            }
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&self) {
        self.write_behind(b"");
    }

    /// Writes `line` behind all that wait.
    fn write_behind(&self, line: &[u8]) {
        let out = lock(&self.out);
        let mut bytes = std::mem::take(&mut lock(&self.waiting).bytes);
        let mut stderr = io::stderr().lock();
        // Nobody can be told when standard error is closed.
        let _ = stderr.write_all(&bytes);
        let _ = stderr.write_all(line);
        drop(out);
        bytes.clear();
        if bytes.capacity() <= KEPT {
            let mut waiting = lock(&self.waiting);
            if waiting.bytes.capacity() == 0 {
                waiting.bytes = bytes;
            }
        }
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = lock(&self.waiting);
        if !waiting.emptied {
            drop(waiting);
            return self.write_behind(line);
        }
        if waiting.bytes.len() + line.len() > MAX_WAITING {
            waiting.lost += 1;
            return;
        }
        let first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        // Waking costs a system call: once per batch.
        if first {
            self.filled.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one event's line.
pub(super) struct Line {
    gather: &'static Gather,
    gathers: bool,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.gathers {
            true => self.gather.add(line),
            false => self.gather.write_behind(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for &'static Gather {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line {
            gather: self,
            gathers: false,
        }
    }

    /// Only access lines gather: all others are rare, and worth having when the process dies.
    fn make_writer_for(&self, event: &Metadata<'_>) -> Line {
        Line {
            gather: self,
            gathers: access::is_access(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_bound_are_counted_not_kept() {
        let gather = Gather::default();
        lock(&gather.waiting).emptied = true;
        let line = vec![b'x'; MAX_WAITING / 2];
        for _ in 0..4 {
            gather.add(&line);
        }
        let waiting = lock(&gather.waiting);
        assert_eq!((waiting.bytes.len(), waiting.lost), (MAX_WAITING, 2));
    }
}
