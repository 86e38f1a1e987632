//! The text of a configuration: a file or a folder of them, merged, with the environment put in.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::merge::merge;
use crate::problem::Problem;
use crate::raw::{self, Node};
use crate::substitute::{Env, substitute};
use crate::tidy::tidy;

/// The largest file that is read.
const MAX_FILE: u64 = 4 << 20;
/// The most files that are read from a folder.
const MAX_FILES: usize = 1_000;

/// Variables that stand in for absent keys: the original system's, and the one of the admin key.
pub(crate) const HONOURED: [&str; 10] = [
    "PORT",
    "SQL_DSN",
    "DATABASE_URL",
    "REDIS_CONN_STRING",
    "CRYPTO_SECRET",
    "SESSION_SECRET",
    "STREAMING_TIMEOUT",
    "MAX_REQUEST_BODY_MB",
    "AZURE_DEFAULT_API_VERSION",
    "TOLLGATE_ADMIN_KEY",
];

/// A configuration that has been read, not yet understood.
pub struct Sources {
    /// The merged tree, with the environment put in.
    pub(crate) root: Node,
    /// Found on the way here; `compile` tells them with its own.
    pub(crate) problems: Vec<Problem>,
    /// Honoured variables that are set and not empty.
    pub(crate) environment: BTreeMap<&'static str, Node>,
    /// When it was read: what `expires_at` and dated prices are compared with.
    pub(crate) read_at: Timestamp,
    files: Vec<PathBuf>,
    hash: String,
}

impl Sources {
    /// Reads a file, or the `*.yaml` files of a folder in the order of their names.
    pub fn read(path: &Path, env: &Env<'_>) -> Result<Sources, Vec<Problem>> {
        let texts = read_texts(path)?;
        Sources::from_texts(texts, env)
    }

    /// Takes one document that is in memory already.
    pub fn from_text(yaml: &str, env: &Env<'_>) -> Result<Sources, Vec<Problem>> {
        Sources::from_texts(
            vec![(PathBuf::from("configuration"), yaml.to_string())],
            env,
        )
    }

    /// Takes files that have been read already.
    pub(crate) fn from_texts(
        texts: Vec<(PathBuf, String)>,
        env: &Env<'_>,
    ) -> Result<Sources, Vec<Problem>> {
        let mut root = Node::Null;
        let mut problems = Vec::new();
        let mut unreadable = Vec::new();
        for (file, text) in &texts {
            let name = file.display().to_string();
            match raw::parse(&name, text) {
                Ok(mut node) => {
                    tidy(&mut node, "", &mut problems);
                    merge(&mut root, node, "", &name, &mut problems);
                }
                Err(problem) => unreadable.push(problem),
            }
        }
        if !unreadable.is_empty() {
            return Err(unreadable);
        }
        substitute(&mut root, "", env, &mut problems);
        let environment = HONOURED
            .into_iter()
            .filter_map(|name| Some((name, env(name).filter(|value| !value.is_empty())?)))
            .map(|(name, value)| (name, Node::FromEnv(value)))
            .collect();
        Ok(Sources {
            root,
            problems,
            environment,
            read_at: Timestamp::now(),
            hash: hash(&texts),
            files: texts.into_iter().map(|(file, _)| file).collect(),
        })
    }

    /// Whether no file says anything: a file being rewritten looks like this.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_null()
    }

    /// The files it was read from.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// A hash of the files' names and text.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// Names the files only: the tree holds secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("files", &self.files)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// The hash of files by their names and text, 12 hex digits.
pub(crate) fn hash(texts: &[(PathBuf, String)]) -> String {
    let mut hasher = Sha256::new();
    for (file, text) in texts {
        for part in [file.as_os_str().as_encoded_bytes(), text.as_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The files and their text, or everything that kept one from being read.
pub(crate) fn read_texts(path: &Path) -> Result<Vec<(PathBuf, String)>, Vec<Problem>> {
    let files = if path.is_dir() {
        folder(path).map_err(|problem| vec![problem])?
    } else {
        vec![path.to_path_buf()]
    };
    let mut texts = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for file in files {
        match read_text(&file) {
            Ok(text) => texts.push((file, text)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(problems)
    }
}

/// The `*.yaml` files of a folder by name; hidden ones (`..data` of a Kubernetes mount) are not looked at.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let place = path.display().to_string();
    let entries = std::fs::read_dir(path)
        .map_err(|error| Problem::error(place.as_str(), format!("not readable: {error}")))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|ext| ext == "yaml"))
        .filter(|file| {
            file.file_name()
                .is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        })
        .filter(|file| !file.is_dir())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Problem::error(place, "the folder has no *.yaml file")
            .hint("name a file, or put one with the ending .yaml there"));
    }
    if files.len() > MAX_FILES {
        return Err(
            Problem::error(place, format!("more than {MAX_FILES} files"))
                .hint("put several into one"),
        );
    }
    Ok(files)
}

fn read_text(file: &Path) -> Result<String, Problem> {
    let place = file.display().to_string();
    let unreadable = |error: std::io::Error| {
        let problem = Problem::error(place.as_str(), format!("not readable: {error}"));
        match error.kind() {
            std::io::ErrorKind::NotFound => problem.hint("name the file or folder with --config"),
            std::io::ErrorKind::PermissionDenied => problem.hint("let this user read it"),
            _ => problem,
        }
    };
    let open = std::fs::File::open(file).map_err(unreadable)?;
    // A device or pipe would never end, or end differently each time.
    if !open.metadata().map_err(unreadable)?.is_file() {
        return Err(
            Problem::error(place.as_str(), "not a file").hint("name a YAML file or a folder")
        );
    }
    let mut bytes = Vec::new();
    open.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Problem::error(
            place.as_str(),
            format!("larger than {} MiB", MAX_FILE >> 20),
        )
        .hint("split it: a folder of *.yaml files is merged"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Problem::error(place.as_str(), "not UTF-8").hint("save it as UTF-8"))
}
