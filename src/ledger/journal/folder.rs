//! The folder of one process: locked while the process lives, so that nobody else recovers it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::identity::{self, Identity, Stranger};
use super::segment;

const LOCK: &str = "lock";
/// Names that are tried for a new folder; each has 64 random bits.
const NAMES: usize = 8;

/// A folder that this process has locked. The lock goes with the last handle, also by `kill -9`.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes a new one in `base`, which is made too when it is missing.
    pub(super) fn create(base: &Path, identity: Identity) -> io::Result<Folder> {
        fs::create_dir_all(base)?;
        let (name, hidden) = new_name(base)?;
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(hidden.join(LOCK))?;
        lock.write_all_at(&identity.to_bytes(), 0)?;
        lock.lock()?;
        lock.sync_all()?;
        // Others look at it only under this name: now it is locked.
        let path = base.join(name);
        fs::rename(hidden, &path)?;
        sync(&path)?;
        sync(base)?;
        Ok(Folder { path, lock })
    }

    /// Locks a folder that another process made; `None` while somebody holds it or it is gone.
    pub(super) fn take(path: &Path) -> io::Result<Option<Folder>> {
        // Some file systems lock only what may be written.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path.join(LOCK));
        let lock = match opened {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Its removal was cut short before the last step, if it is there at all.
                let _ = fs::remove_dir(path);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Who held it before may have removed it.
        let path = path.to_path_buf();
        Ok(path.join(LOCK).exists().then_some(Folder { path, lock }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the folder says of itself, or else the first of its segments that can be read.
    pub(super) fn identity(&self) -> io::Result<Result<Identity, Stranger>> {
        let own = segment::read_identity(&self.lock)?;
        if matches!(own, Ok(_) | Err(Stranger::Version(_))) {
            return Ok(own);
        }
        let mut worst = own;
        for (number, path) in segment::list(&self.path)? {
            match segment::Segment::open(number, path)?.identity()? {
                // A segment that was made and never written to says nothing of the others.
                Err(Stranger::Empty) => {}
                Err(Stranger::Damaged) => worst = Err(Stranger::Damaged),
                said => return Ok(said),
            }
        }
        Ok(worst)
    }

    /// Removes it and everything in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        for (_, path) in segment::list(&self.path)? {
            fs::remove_file(path)?;
        }
        fs::remove_file(self.path.join(LOCK))?;
        match fs::remove_dir(&self.path) {
            // Whoever looked for orphans was faster with an empty folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// The folders of processes in `base`, but for the one that is `own`.
pub(super) fn others(base: &Path, own: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(is_name);
        if ours && entry.file_type()?.is_dir() && entry.path() != own {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Waits until the disk knows the names in a folder.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether a folder is one of ours by its name: the root of a volume has others beside.
fn is_name(name: &str) -> bool {
    name.split_once('-').is_some_and(|(process, random)| {
        process.bytes().all(|byte| byte.is_ascii_digit())
            && random.len() == 16
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A name nobody has, and its folder under a name that others leave alone.
fn new_name(base: &Path) -> io::Result<(String, PathBuf)> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..NAMES {
        let name = format!("{}-{:016x}", std::process::id(), identity::random());
        let hidden = base.join(format!(".{name}"));
        match fs::create_dir(&hidden) {
            Ok(()) => return Ok((name, hidden)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
