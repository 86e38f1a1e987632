//! One file of a journal: room set aside at once, filled from its start, removed whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::posix_fallocate;

use super::identity::{self, Identity, Stranger};

/// Where the first entry of a segment begins.
pub(super) const FIRST: u64 = identity::LENGTH as u64;
const EXTENSION: &str = "segment";

/// A segment's file.
#[derive(Debug)]
pub(super) struct Segment {
    /// Counted from 1 in the order of writing.
    pub(super) number: u64,
    /// Bytes it may grow to.
    pub(super) size: u64,
    path: PathBuf,
    file: File,
}

impl Segment {
    /// Makes the file and sets its room aside, so that a full disk shows here and not when an
    /// entry is written. Leaves nothing behind when it fails.
    pub(super) fn create(
        folder: &Path,
        number: u64,
        size: u64,
        identity: Identity,
    ) -> io::Result<Segment> {
        let path = folder.join(format!("{number:016}.{EXTENSION}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let segment = Segment {
            number,
            size,
            path,
            file,
        };
        let made = set_aside(&segment.file, size)
            .and_then(|()| segment.file.write_all_at(&identity.to_bytes(), 0));
        if let Err(error) = made {
            segment.remove()?;
            return Err(error);
        }
        Ok(segment)
    }

    /// Opens what another process left.
    pub(super) fn open(number: u64, path: PathBuf) -> io::Result<Segment> {
        let file = File::open(&path)?;
        let size = file.metadata()?.len();
        Ok(Segment {
            number,
            size,
            path,
            file,
        })
    }

    /// What its head says.
    pub(super) fn identity(&self) -> io::Result<Result<Identity, Stranger>> {
        read_identity(&self.file)
    }

    pub(super) fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Fills `bytes` from `at` on.
    pub(super) fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    /// Waits until the disk has what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// The identity at the start of a file; a shorter file has none.
pub(super) fn read_identity(file: &File) -> io::Result<Result<Identity, Stranger>> {
    let mut bytes = [0; identity::LENGTH];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(Identity::from_bytes(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Err(Stranger::Empty)),
        Err(error) => Err(error),
    }
}

/// The segments in a folder, in the order of writing.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let named = path.extension().is_some_and(|ending| ending == EXTENSION);
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (named, number) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn set_aside(file: &File, size: u64) -> io::Result<()> {
    let length = i64::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
    match posix_fallocate(file, 0, length) {
        // Some file systems cannot, or a signal came between: then a full disk shows at the
        // write, which is provided for.
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS | Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
