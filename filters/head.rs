//! The head of an attempt's request, as either version of HTTP sends it.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use config::snapshot::Base;
use http::header::{self, HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType};

/// Room for the usual head, in bytes: it is written into one allocation.
const USUAL_BYTES: usize = 1024;

/// A POST request's path and fields. Fields that travel on are borrowed, not copied.
///
/// A list and not a map: a dozen fields are found faster by looking, and what goes onto the wire
/// needs no other form.
pub(crate) struct Head<'a> {
    path: String,
    fields: Vec<(Cow<'a, HeaderName>, Cow<'a, HeaderValue>)>,
}

impl<'a> Head<'a> {
    pub(crate) fn new(path: String) -> Head<'a> {
        Head {
            path,
            fields: Vec::with_capacity(16),
        }
    }

    /// Adds a field beside others of its name.
    pub(crate) fn append(&mut self, name: &'a HeaderName, value: &'a HeaderValue) {
        self.fields
            .push((Cow::Borrowed(name), Cow::Borrowed(value)));
    }

    /// Puts a field in the place of all of its name.
    pub(crate) fn set(&mut self, name: &'a HeaderName, value: &'a HeaderValue) {
        self.remove(name);
        self.append(name, value);
    }

    /// As `set`, with a value of the gateway's own.
    pub(crate) fn set_own(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.fields.push((Cow::Owned(name), Cow::Owned(value)));
    }

    pub(crate) fn remove(&mut self, name: &HeaderName) {
        self.fields.retain(|(known, _)| **known != *name);
    }

    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.fields.iter().any(|(known, _)| **known == *name)
    }

    /// The head's bytes for HTTP/1.1 (RFC 9112, 3 and 5), its empty line included.
    ///
    /// # Errors
    /// When the path has bytes that would end the request line.
    pub(crate) fn http1(&self, base: &Base) -> Result<BytesMut, Box<Error>> {
        if self.path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "upstream path");
        }
        let mut wire = BytesMut::with_capacity(USUAL_BYTES);
        for part in ["POST ", &self.path, " HTTP/1.1\r\n"] {
            wire.put_slice(part.as_bytes());
        }
        if !self.has(&header::HOST) {
            line(&mut wire, "host", base.authority.as_bytes());
        }
        for (name, value) in &self.fields {
            line(&mut wire, name.as_str(), value.as_bytes());
        }
        wire.put_slice(b"\r\n");
        Ok(wire)
    }

    /// The same for HTTP/2, where scheme and authority are part of the request line (RFC 9113,
    /// 8.3.1).
    ///
    /// # Errors
    /// When path or authority cannot stand in a URI.
    pub(crate) fn http2(self, base: &Base) -> Result<RequestHeader, Box<Error>> {
        let invalid =
            |cause| Error::because(ErrorType::InvalidHTTPHeader, "upstream address", cause);
        let uri = http::Uri::builder()
            .scheme(if base.https { "https" } else { "http" })
            .authority(base.authority.as_str())
            .path_and_query(self.path.as_str())
            .build()
            .map_err(invalid)?;
        let request = http::Request::post(uri).version(http::Version::HTTP_2);
        let (mut parts, ()) = request.body(()).map_err(invalid)?.into_parts();
        for (name, value) in self.fields {
            parts.headers.append(name.into_owned(), value.into_owned());
        }
        Ok(parts.into())
    }
}

fn line(wire: &mut BytesMut, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        wire.put_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        Base {
            https: true,
            host: "up.example".into(),
            port: 443,
            authority: "up.example".into(),
            path: String::new(),
        }
    }

    #[test]
    fn fields_are_added_replaced_and_removed_like_in_a_map() {
        let accept = HeaderValue::from_static("a");
        let other = HeaderValue::from_static("b");
        let mut head = Head::new("/v1/x?y=1".into());
        head.append(&header::ACCEPT, &accept);
        head.append(&header::ACCEPT, &other);
        head.append(&header::TE, &accept);
        head.set(&header::ACCEPT, &other);
        head.set_own(header::CONTENT_LENGTH, HeaderValue::from(3));
        head.remove(&header::TE);
        let wire = head.http1(&base()).expect("a path");
        assert_eq!(
            wire,
            "POST /v1/x?y=1 HTTP/1.1\r\nhost: up.example\r\naccept: b\r\ncontent-length: 3\r\n\r\n"
        );
        let http2 = head.http2(&base()).expect("a path");
        assert_eq!(http2.uri.to_string(), "https://up.example/v1/x?y=1");
        assert_eq!(http2.headers.len(), 2);
        assert_eq!(http2.headers[header::ACCEPT], "b");
    }

    #[test]
    fn an_operators_own_host_stands_alone() {
        let own = HeaderValue::from_static("other.example");
        let mut head = Head::new("/".into());
        head.set(&header::HOST, &own);
        let wire = head.http1(&base()).expect("a path");
        assert_eq!(wire, "POST / HTTP/1.1\r\nhost: other.example\r\n\r\n");
    }

    #[test]
    fn a_path_cannot_smuggle_a_second_line() {
        for path in ["/a b", "/a\r\nx: y", "/a\0"] {
            assert!(Head::new(path.into()).http1(&base()).is_err(), "{path:?}");
        }
    }
}
