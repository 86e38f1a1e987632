//! Prepared requests: the bytes that a client library would send.

use std::io::{self, Error};
use std::net::SocketAddr;

use benches::payload::{chat_request, messages_request};
use benches::script::{Script, Upstream};

use crate::conn::Conn;
use crate::fleet::KEY;

/// How the caller speaks.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    /// Chat Completions, the upstream's own format.
    Chat,
    /// Chat Completions, for an upstream that speaks Messages.
    ChatOnMessages,
    /// Anthropic Messages, for an upstream that speaks Chat Completions.
    MessagesOnChat,
    /// Chat Completions with a key nobody knows.
    Stranger,
}

/// A request by its properties.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) caller: Caller,
    pub(crate) script: Script,
    pub(crate) bytes: usize,
}

/// A request as it goes over the wire, and the answer it must get.
pub(crate) struct Shot {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
    pub(crate) expect: u16,
}

impl Shape {
    /// The request to the gateway at `address`.
    pub(crate) fn to_gateway(self, address: SocketAddr) -> Shot {
        let expect = match self.caller {
            Caller::Chat | Caller::ChatOnMessages | Caller::MessagesOnChat => 200,
            Caller::Stranger => 401,
        };
        self.to(address, expect)
    }

    /// The same bytes to a pass-through, which knows no strangers.
    pub(crate) fn to_bare(self, address: SocketAddr) -> Shot {
        self.to(address, 200)
    }

    fn to(self, address: SocketAddr, expect: u16) -> Shot {
        let upstream = match self.caller {
            Caller::Chat | Caller::MessagesOnChat | Caller::Stranger => Upstream::Chat,
            Caller::ChatOnMessages => Upstream::Messages,
        };
        let (model, stream) = (self.script.model(upstream), self.script.streams());
        let (path, auth, body) = match self.caller {
            Caller::Chat | Caller::ChatOnMessages => (
                "/v1/chat/completions",
                format!("Authorization: Bearer {KEY}"),
                chat_request(&model, stream, self.bytes),
            ),
            Caller::Stranger => (
                "/v1/chat/completions",
                "Authorization: Bearer sk-nobody".to_owned(),
                chat_request(&model, stream, self.bytes),
            ),
            Caller::MessagesOnChat => (
                "/v1/messages",
                format!("x-api-key: {KEY}\r\nanthropic-version: 2023-06-01"),
                messages_request(&model, stream, self.bytes),
            ),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n{auth}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nUser-Agent: OpenAI/Python 1.99.9\r\nX-Stainless-Lang: python\r\n\
             X-Stainless-OS: Linux\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Retry-Count: 0\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Shot {
            address,
            request: (head + &body).into_bytes(),
            expect,
        }
    }
}

impl Shot {
    /// Fires once: whether this is served at all, told before it is measured.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let mut body = Vec::new();
        let answer = Conn::to(self.address)
            .exchange(&self.request, |piece| body.extend_from_slice(piece))?;
        if answer.status == self.expect {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(120)]).replace('\n', " ");
        Err(Error::other(format!("status {}: {text}", answer.status)))
    }
}
