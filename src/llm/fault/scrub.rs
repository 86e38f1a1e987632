//! Takes secrets, addresses and account ids out of a message that goes to a caller.
//!
//! No regular expressions: a message is cut into words, and a word is judged by its shape. What
//! a rule takes is replaced by a mark in brackets, so that the sentence still reads.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::MAX_TEXT_BYTES;
use crate::meter::cut;

/// Shorter secrets would tear ordinary words apart, and protect nothing.
const MIN_SECRET_BYTES: usize = 4;

/// A run of letters and digits this long, with digits in it, is no word and no model's name.
const MIN_OPAQUE_BYTES: usize = 24;

/// What keys begin with.
const KEY_PREFIXES: &[&str] = &[
    "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "AIza", "xai-", "gsk_", "hf_", "r8_", "nvapi-",
    "pplx-", "fw_", "tgp_", "ghp_", "glpat-", "AKIA", "ASIA", "ya29.", "eyJ", "key-", "Bearer-",
];

/// What ids of accounts begin with.
const ID_PREFIXES: &[&str] = &[
    "org-", "org_", "proj_", "proj-", "project-", "user-", "user_", "acct_", "acct-", "acc_",
    "team_", "team-", "ws_", "wrkspc_", "ak-", "cak-",
];

/// Words that are followed by an id.
const ID_NOUNS: &[&str] = &[
    "project",
    "projects",
    "project_number",
    "project_id",
    "projectid",
    "account",
    "account_id",
    "accountid",
    "accounts",
    "organization",
    "organization_id",
    "org",
    "user",
    "user_id",
    "userid",
    "tenant",
    "tenant_id",
    "subscription",
    "subscriptions",
    "workspace",
    "workspace_id",
    "resourcegroups",
    "customer",
];

/// Last labels of names that are hosts rather than paths into JSON.
const DOMAINS: &[&str] = &[
    "com", "net", "org", "io", "ai", "cn", "dev", "app", "cloud", "internal", "local", "svc",
    "lan", "corp", "home", "co", "us", "eu", "uk", "de", "fr", "jp", "kr", "ru", "sg", "info",
    "xyz", "tech", "site", "online", "run", "gov", "edu", "chat", "chatgpt", "host", "intra",
    "private", "arpa", "example", "invalid", "test",
];

/// The message without the given secrets and without whatever is shaped like a key, an id of
/// an account, an e-mail address, a URL, a host or an address of a network.
pub fn scrub(message: &str, secrets: &[&str]) -> String {
    let mut text = cut(message, MAX_TEXT_BYTES).replace(|char: char| char.is_control(), " ");
    for secret in secrets
        .iter()
        .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
    {
        if text.contains(secret) {
            text = text.replace(secret, "[redacted]");
        }
        drop_torn(&mut text, secret);
    }
    let mut out = String::with_capacity(text.len());
    let mut noun = Noun::None;
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        if is_break(first) {
            out.push(first);
            if !matches!(first, ' ' | '`' | '\'' | '"' | '=' | '(' | '<' | '[' | '{') {
                noun = Noun::None;
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(is_break).unwrap_or(rest.len());
        let (word, dots) = trim_end(&rest[..end]);
        out.push_str(&judged(word, noun));
        out.push_str(dots);
        noun = Noun::of(word, dots);
        rest = &rest[end..];
    }
    out.truncate(cut(&out, MAX_TEXT_BYTES).len());
    out
}

/// Takes away the beginning of a secret at the end of a text: texts are cut to a length.
fn drop_torn(text: &mut String, secret: &str) {
    let torn = (MIN_SECRET_BYTES..secret.len())
        .rev()
        .filter(|length| secret.is_char_boundary(*length))
        .find(|length| text.ends_with(&secret[..*length]));
    if let Some(length) = torn {
        text.truncate(text.len() - length);
        text.push_str("[redacted]");
    }
}

/// What the word before says about a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noun {
    None,
    /// `project`, `organization` …: an id follows.
    Account,
    /// `Bearer`: a key follows.
    Scheme,
}

impl Noun {
    fn of(word: &str, dots: &str) -> Noun {
        if !matches!(dots, "" | ":" | "#") {
            return Noun::None;
        }
        let word = word.to_ascii_lowercase();
        if matches!(&*word, "bearer" | "basic") {
            Noun::Scheme
        } else if ID_NOUNS.contains(&&*word) {
            Noun::Account
        } else {
            Noun::None
        }
    }
}

fn is_break(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '"' | '\''
                | '`'
                | '('
                | ')'
                | '<'
                | '>'
                | '['
                | ']'
                | '{'
                | '}'
                | ','
                | ';'
                | '='
                | '|'
                | '“'
                | '”'
                | '‘'
                | '’'
                | '，'
                | '。'
                | '：'
                | '；'
        )
}

/// The word, and the punctuation behind it.
fn trim_end(word: &str) -> (&str, &str) {
    let end = word.trim_end_matches(['.', ':', '!', '?', '#']).len();
    word.split_at(end)
}

fn judged(word: &str, noun: Noun) -> Cow<'_, str> {
    if let Some(mark) = mark(word, noun) {
        return Cow::Borrowed(mark);
    }
    // `projects/my-project-123/locations`, `project_number:123456`: the part behind the noun.
    if word.contains(['/', ':']) {
        return Cow::Owned(parts(word));
    }
    Cow::Borrowed(word)
}

fn parts(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut noun = Noun::None;
    for part in word.split_inclusive(['/', ':']) {
        let (text, tail) = part.split_at(part.trim_end_matches(['/', ':']).len());
        let named = noun == Noun::Account && !text.is_empty() && is_path_id(text);
        out.push_str(if named {
            "[redacted]"
        } else {
            mark(text, noun).unwrap_or(text)
        });
        out.push_str(tail);
        noun = Noun::of(text, "");
    }
    out
}

/// In a path the segment behind `projects` is an id, whatever it looks like.
fn is_path_id(text: &str) -> bool {
    !text.starts_with('[')
}

/// What a word is replaced by, if it must not be told.
fn mark(word: &str, noun: Noun) -> Option<&'static str> {
    if word.len() < 3 {
        return None;
    }
    if word.contains("://") {
        return Some("[link]");
    }
    if is_email(word) {
        return Some("[email]");
    }
    let secret = noun == Noun::Scheme && word.len() >= 6
        || noun == Noun::Account && word.bytes().any(|byte| byte.is_ascii_digit())
        || is_key(word)
        || is_account_id(word)
        || is_opaque(word)
        || word.starts_with("arn:");
    if secret {
        return Some("[redacted]");
    }
    (is_ip(word) || is_host(word)).then_some("[host]")
}

fn is_email(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
}

/// A key, whole or masked by asterisks.
fn is_key(word: &str) -> bool {
    let masked = word.contains("***") && word.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let masked = masked || word.contains("••") || word.contains('…') && word.len() > 8;
    let shaped = KEY_PREFIXES
        .iter()
        .filter_map(|prefix| word.strip_prefix(prefix))
        .any(|rest| {
            rest.len() >= 6 && (has_digit_or_upper(rest) || rest.contains('*') || rest.len() >= 20)
        });
    masked || shaped
}

fn is_account_id(word: &str) -> bool {
    let rest = ID_PREFIXES
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix));
    rest.is_some_and(|rest| rest.len() >= 5 && has_digit_or_upper(rest))
}

fn has_digit_or_upper(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// A UUID, or a long run of letters and digits: an id or a key of a shape nobody told us.
fn is_opaque(word: &str) -> bool {
    let runs = word.split(|char: char| !char.is_ascii_alphanumeric());
    let lengths: Vec<usize> = runs.clone().map(str::len).collect();
    let hex = word
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if hex && lengths == [8, 4, 4, 4, 12] {
        return true;
    }
    runs.into_iter().any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= MIN_OPAQUE_BYTES && digits >= 3 && digits < run.len()
    })
}

fn is_ip(word: &str) -> bool {
    let bare = word.split('/').next().unwrap_or(word);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let (host, _) = without_port(bare);
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

fn is_host(word: &str) -> bool {
    let (host, port) = without_port(word.split(['/', '?']).next().unwrap_or(word));
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    // A single name with a port is a host of a private network, as in `vllm:8000`.
    if port && !host.is_empty() && !host.contains('.') && host.bytes().all(is_host_byte) {
        return host.bytes().any(|byte| byte.is_ascii_alphabetic());
    }
    let Some((name, last)) = host.rsplit_once('.') else {
        return false;
    };
    !name.is_empty()
        && DOMAINS.contains(&last)
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(is_host_byte))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// The host, and whether a port of two to five digits stood behind it.
fn without_port(word: &str) -> (&str, bool) {
    match word.rsplit_once(':') {
        Some((host, port))
            if (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            (host, true)
        }
        _ => (word, false),
    }
}
