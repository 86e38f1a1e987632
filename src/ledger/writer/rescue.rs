//! The thread that brings what dead processes left in their journals to the sink.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::desk::Desk;
use super::node_name;
use super::persist::Persist;
use crate::journal::{NotRecovered, Orphan};

/// How often is looked for processes that died: one beside this, during a hand-over.
const LOOK: Duration = Duration::from_secs(10);

/// What the thread owns.
pub(super) struct Rescue {
    desk: Arc<Desk>,
    persist: Persist,
    base: PathBuf,
    own: PathBuf,
    /// Folders that were told to be unreadable.
    told: HashSet<PathBuf>,
    /// Processes of which everything is stored, and the sink does not know yet that this was all.
    ended: BTreeSet<String>,
}

impl Rescue {
    /// Looks in `base` for every folder but `own`.
    pub(super) fn new(desk: Arc<Desk>, persist: Persist, base: &Path, own: &Path) -> Rescue {
        Rescue {
            desk,
            persist,
            base: base.to_path_buf(),
            own: own.to_path_buf(),
            told: HashSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Until the stop.
    pub(super) fn run(mut self) {
        while !self.desk.stopping() {
            match Orphan::candidates(&self.base, &self.own) {
                Ok(folders) => {
                    folders.into_iter().for_each(|folder| self.rescue(folder));
                    self.end();
                    // A folder that cannot be understood is told of, and waited for no longer.
                    if !self.desk.stopping() {
                        self.desk.set_rescued();
                    }
                }
                Err(error) => tracing::warn!(%error, "the journal's folder cannot be read"),
            }
            if !self.desk.stopping() {
                thread::park_timeout(LOOK);
            }
        }
    }

    fn rescue(&mut self, folder: PathBuf) {
        match self.recover(&folder) {
            Ok(()) | Err(NotRecovered::Stopped) => {}
            Err(error) => {
                if self.told.insert(folder.clone()) {
                    let folder = folder.display();
                    tracing::error!(%error, %folder, "a journal that was left stays as it is");
                }
            }
        }
    }

    fn recover(&mut self, folder: &Path) -> Result<(), NotRecovered> {
        if self.desk.stopping() {
            return Err(NotRecovered::Stopped);
        }
        let Some(orphan) = Orphan::take(folder)? else {
            return Ok(());
        };
        // A stop does not wait for the end of what may be gigabytes.
        let node = node_name(folder);
        let (desk, persist) = (&self.desk, &mut self.persist);
        let mut put = |batch: &_| !desk.stopping() && persist.put(&node, batch).is_ok();
        let found = orphan.recover(&mut put)?;
        self.ended.insert(node);
        tracing::warn!(
            folder = %folder.display(),
            settled = found.settled,
            lost = found.lost,
            torn_bytes = found.torn_bytes,
            "recovered the journal of a process that ended without its own doing"
        );
        Ok(())
    }

    /// Those that the sink does not hear of now are told again at the next look.
    fn end(&mut self) {
        let (desk, persist) = (&self.desk, &self.persist);
        self.ended
            .retain(|node| desk.stopping() || !persist.end(node));
    }
}
