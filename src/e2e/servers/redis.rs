//! Redis, without anything on disk.

use std::net::TcpStream;

use crate::keeper::{self, Keeper};
use crate::program::find;
use crate::{free_port, text};

/// A running Redis; ends when it is dropped.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    _keeper: Keeper,
}

impl Redis {
    /// A server of the test's own.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn new() -> Redis {
        Redis::at(free_port())
    }

    /// The same at a port of the test's choice: where one was that is gone.
    ///
    /// # Panics
    /// As `new`.
    pub fn at(port: u16) -> Redis {
        let folder = keeper::new_folder();
        let words = [
            &find(&["redis-server"], &[]),
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            text(&folder),
        ];
        let keeper = Keeper::start(&folder, &words.map(Into::into), "TERM");
        keeper.wait_until(&folder, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Redis {
            port,
            _keeper: keeper,
        }
    }

    /// Ends it; gives its port.
    pub fn stop(self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Default for Redis {
    fn default() -> Self {
        Redis::new()
    }
}
