//! Whatever follows an entry in a journal, recovery ends well and the entry is in the store.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ledger::journal::{Fsync, Journal, Options, Orphan};
use ledger::{Record, Sink, SinkError, Writer};
use libfuzzer_sys::fuzz_target;

const ID: &str = "the one before";

struct Away;

impl Sink for Away {
    fn put(&self, _: &[Record]) -> Result<(), SinkError> {
        Err(SinkError::new("away"))
    }
}

/// The files of a journal with one settlement, by name, without the room behind it.
static BEFORE: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let base = tempfile::tempdir().expect("a folder");
    let options = Options {
        path: base.path().to_path_buf(),
        fsync: Fsync::Every(Duration::from_millis(1)),
        max: 1 << 20,
    };
    let journal = Journal::open(&options).expect("a journal");
    let writer = Writer::start(Arc::new(Away), journal, 1);
    let record = serde_json::json!({
        "id": ID, "client_request_id": null, "at": "2026-01-01T00:00:00Z", "user": "root",
        "token": "t", "token_id": "yaml:t", "group": "default", "operation": "chat",
        "client_format": "chat", "upstream_format": "chat", "model": "m",
        "upstream_model": "m", "channel": "c", "attempts": 1, "status": 200,
        "end": "complete", "stream": true, "first_byte_ms": 5, "duration_ms": 9,
        "overhead_us": 80, "usage": { "input": 3, "output": 2 },
        "usage_source": "provider", "cost": "0.000000700", "config": "1-x",
    });
    let record: Record = serde_json::from_value(record).expect("a record");
    writer.reserve().expect("room").write(&record);
    let end = writer.journal_bytes() as usize;
    let files = fs::read_dir(folder(base.path())).expect("its folder");
    files
        .map(|file| {
            let file = file.expect("a file");
            let mut bytes = fs::read(file.path()).expect("readable");
            bytes.truncate(end);
            (file.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
});

fn folder(base: &Path) -> PathBuf {
    let mut folders = fs::read_dir(base).expect("a folder");
    folders
        .next()
        .expect("one journal")
        .expect("readable")
        .path()
}

fuzz_target!(|input: (bool, Vec<Vec<u8>>)| {
    let (framed, pieces) = input;
    let base = tempfile::tempdir_in("/dev/shm").expect("a folder");
    for (name, bytes) in BEFORE.iter() {
        let mut bytes = bytes.clone();
        if name.ends_with("segment") {
            let salt = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
            for piece in &pieces {
                if framed {
                    bytes.extend(head(piece, salt));
                }
                bytes.extend_from_slice(piece);
            }
        }
        fs::write(base.path().join(name), bytes).expect("written");
    }
    let orphan = Orphan::take(base.path())
        .expect("readable")
        .expect("nobody has it");
    let mut ids = Vec::new();
    let recovered = orphan.recover(&mut |batch| {
        ids.extend(batch.records().iter().map(|record| record.id.clone()));
        true
    });
    recovered.expect("recovered");
    assert!(ids.iter().any(|id| id == ID), "{ids:?}");
    assert!(!base.path().exists());
    // It is gone already.
    let _ = base.keep();
});

/// The head that makes a piece an entry.
fn head(piece: &[u8], salt: u32) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(piece);
    let mut head = b"TJ".to_vec();
    head.extend((piece.len() as u16).to_le_bytes());
    head.extend(hasher.finalize().to_le_bytes());
    head
}
