//! `host=… user=… password='…' dbname=…`: what libpq reads.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>

use std::iter::Peekable;
use std::str::Chars;

use super::{BadAddress, Draft, Kind, Server, options};

const HINT: &str = "write host=localhost port=5432 user=tollgate password='…' dbname=tollgate";

/// Whether this is such a text.
pub(super) fn are_words(text: &str) -> bool {
    ["host=", "user=", "dbname="]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Reads the whole text.
pub(super) fn server(text: &str) -> Result<Server, BadAddress> {
    let mut draft = Draft::new(Kind::Postgres);
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return draft.finish();
        }
        let (name, value) = pair(&mut rest)?;
        match name.as_str() {
            "user" => draft.user = value,
            "password" => draft.set_password(value),
            "dbname" => draft.database = value,
            _ => options::set(&name, &value, &mut draft)?,
        }
    }
}

fn pair(rest: &mut Peekable<Chars<'_>>) -> Result<(String, String), BadAddress> {
    let mut name = String::new();
    loop {
        match rest.next() {
            Some('=') => return Ok((name, value(rest)?)),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => name.push(c),
            _ => return Err(BadAddress::new("a store with a broken word", HINT)),
        }
    }
}

/// To the next space; in quotes to the next quote. `\` makes the next character plain.
fn value(rest: &mut Peekable<Chars<'_>>) -> Result<String, BadAddress> {
    let quoted = rest.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match rest.next() {
            Some('\\') => value.extend(rest.next()),
            Some('\'') if quoted => return Ok(value),
            Some(c) if c.is_whitespace() && !quoted => return Ok(value),
            Some(c) => value.push(c),
            None if quoted => return Err(BadAddress::new("a store with an open quote", HINT)),
            None => return Ok(value),
        }
    }
}
