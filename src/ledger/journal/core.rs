//! What the journal's users and threads share: the tail behind its lock, and the flags around it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::entry::{self, Entry, Position, Ticket};
use super::folder::Folder;
use super::frame::HEAD;
use super::hold::{Hold, Progress};
use super::identity::Identity;
use super::segments::{Place, Segments, Sizes};
use super::synced::{self, NotSynced, Synced};
use super::tail::{Open, Tail};
use super::{Fsync, Full};
use crate::record::Record;

/// A journal that is being written.
pub(crate) struct Core {
    folder: Folder,
    salt: u32,
    fsync: Fsync,
    tail: Mutex<Tail>,
    tickets: AtomicU64,
    /// Written since the syncer last looked: it is awake, or has been woken.
    dirty: AtomicBool,
    /// New requests are refused.
    full: AtomicBool,
    refused: AtomicBool,
    closed: AtomicBool,
    /// The folder is removed: nobody will read what is written now.
    gone: AtomicBool,
    pub(super) progress: Arc<synced::Progress>,
    syncer: OnceLock<Thread>,
    reader: OnceLock<Thread>,
}

impl Core {
    pub(super) fn begin(
        folder: Folder,
        identity: Identity,
        fsync: Fsync,
        sizes: Sizes,
    ) -> io::Result<Core> {
        let segments = Segments::begin(folder.path().to_path_buf(), identity, sizes)?;
        Ok(Core {
            folder,
            salt: identity.salt,
            fsync,
            tail: Mutex::new(Tail::new(segments)),
            tickets: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            full: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            progress: Arc::default(),
            syncer: OnceLock::new(),
            reader: OnceLock::new(),
        })
    }

    /// Writes a hold. The future is ready when it may be relied on.
    pub(crate) fn hold(&self, hold: &Hold) -> Result<(Ticket, Synced), Full> {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        let frame = entry::hold(ticket, hold, self.salt);
        let mut tail = self.tail();
        let held = tail.hold(ticket, &frame);
        let written = tail.segments().written();
        self.after(tail);
        match (held, self.fsync) {
            (Err(_), _) => Err(Full),
            (Ok(()), Fsync::Every(_)) => Ok((ticket, Synced::at_once())),
            (Ok(()), Fsync::Always) => Ok((ticket, Synced::when(&self.progress, written))),
        }
    }

    /// Notes how far a held request is.
    pub(crate) fn progress(&self, ticket: Ticket, seen: Progress) {
        let frame = entry::progress(ticket, &seen, self.salt);
        let mut tail = self.tail();
        tail.progress(ticket, seen, &frame);
        self.after(tail);
    }

    /// Writes the end of a request; ticket 0 for one that was never held.
    pub(crate) fn settle(&self, ticket: Ticket, record: &Record) {
        let frame = entry::settlement(ticket, record, self.salt);
        let mut tail = self.tail();
        if self.gone.load(Ordering::Relaxed) {
            tracing::error!(
                id = record.id,
                "record written after the journal was removed"
            );
        }
        tail.settle(ticket, frame);
        self.after(tail);
    }

    /// The record of a held request that nobody is going to settle.
    pub(crate) fn abandoned(&self, ticket: Ticket) -> Option<Record> {
        let open = self.tail().open(ticket)?;
        match self.read_hold(&open.hold) {
            Ok(hold) => Some(hold.lost(open.progress.map(|seen| *seen))),
            Err(error) => {
                tracing::error!(%error, ticket, "a hold cannot be read back");
                None
            }
        }
    }

    fn read_hold(&self, place: &Place) -> io::Result<Hold> {
        let mut frame = vec![0; place.length];
        place.segment.read(&mut frame, place.at)?;
        match entry::read(frame.get(HEAD..).unwrap_or_default()) {
            Ok(Entry::Hold(_, hold)) => Ok(*hold),
            Ok(_) => Err(io::Error::other("another entry is in its place")),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// The store has everything before `to`: notes it, and removes what nobody needs any more.
    pub(crate) fn stored(&self, to: Position) {
        let note = entry::stored(to, self.salt);
        self.tail().note(&note);
        self.remove_done(to);
        self.carry(to);
        self.remove_done(to);
        self.refresh();
    }

    fn remove_done(&self, stored: Position) {
        loop {
            let Some(done) = self.tail().segments().pop_done(stored) else {
                return;
            };
            if let Err(error) = done.remove() {
                tracing::warn!(%error, segment = done.number, "a journal segment cannot be removed");
            }
        }
    }

    /// Writes holds anew that keep an old segment: one slow stream must not fill the disk.
    fn carry(&self, stored: Position) {
        let pinning = self.tail().pinning(stored);
        for (ticket, open) in pinning {
            if let Err(error) = self.carry_one(ticket, &open) {
                tracing::warn!(%error, ticket, "a hold cannot be written anew");
                return;
            }
        }
    }

    fn carry_one(&self, ticket: Ticket, open: &Open) -> io::Result<()> {
        let mut frame = vec![0; open.hold.length];
        open.hold.segment.read(&mut frame, open.hold.at)?;
        let progress = open.progress.as_ref();
        let progress = progress.map(|seen| entry::progress(ticket, seen, self.salt));
        self.tail()
            .carry(ticket, &open.hold, &frame, progress.as_deref())
            .map_err(|_| io::Error::from(io::ErrorKind::StorageFull))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Whether every settlement so far is in the segments, and none waits for the disk.
    pub(crate) fn is_written(&self) -> bool {
        self.tail().is_written()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.tail().segments().bytes()
    }

    pub(super) fn salt(&self) -> u32 {
        self.salt
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was written: the syncer is woken, once until it looks.
    fn after(&self, mut tail: MutexGuard<'_, Tail>) {
        self.show(&mut tail);
        drop(tail);
        if !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(syncer) = self.syncer.get()
        {
            syncer.unpark();
        }
    }

    /// Looks again whether there is room.
    pub(super) fn refresh(&self) {
        self.show(&mut self.tail());
    }

    fn show(&self, tail: &mut Tail) {
        self.full.store(tail.is_full(), Ordering::Relaxed);
        self.refused
            .store(tail.segments().is_refused(), Ordering::Relaxed);
    }

    pub(super) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Sleeps, unless the journal is closed.
    pub(super) fn rest(&self, time: Duration) {
        let end = std::time::Instant::now() + time;
        while !self.is_closed() {
            let left = end.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }

    pub(super) fn set_syncer(&self, thread: Thread) {
        let _ = self.syncer.set(thread);
    }

    /// The thread to wake when there is something to read.
    pub(crate) fn set_reader(&self, thread: Thread) {
        let _ = self.reader.set(thread);
    }

    pub(super) fn wake_reader(&self) {
        if let Some(reader) = self.reader.get() {
            reader.unpark();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends the syncer after one last sync.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(syncer) = self.syncer.get() {
            syncer.unpark();
        }
    }

    /// Removes the folder when everything in it is stored and settled.
    pub(super) fn remove_if_done(&self, stored: Position) -> io::Result<bool> {
        let tail = self.tail();
        if !tail.is_done(stored) {
            return Ok(false);
        }
        self.gone.store(true, Ordering::Relaxed);
        self.folder.remove()?;
        Ok(true)
    }
}

impl From<NotSynced> for Full {
    fn from(_: NotSynced) -> Full {
        Full
    }
}
