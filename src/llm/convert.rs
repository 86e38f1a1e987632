//! Makes the body an upstream of another format gets: decode, common model, encode.
//!
//! An encoder notes in [`Back`] what it did to tools (names, custom ones, a forced one for JSON);
//! the answer's events are turned back by `back.rs`, before any encoder of answers sees them.

use std::borrow::Cow;

use crate::Format;
use crate::dialect::Quirks;
use crate::ir::{Request, Show};
use crate::loss::{Losses, Misfit, Strictness};
use crate::normal::{Names, drop_foreign};
use crate::suffix::Wish;
use crate::{chat, gemini, messages, responses};

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What the upstream speaks.
    pub format: Format,
    /// The model by the upstream's name: what it can do is told by its name.
    pub model: &'a str,
    /// The upstream's accent.
    pub quirks: Quirks,
    /// What becomes of hints that bend the answer.
    pub strictness: Strictness,
    /// The most output tokens the model can give, where the configuration says so.
    pub max_output: Option<u64>,
    /// Output tokens to ask for where the target must be told and the caller did not say.
    pub default_output: u64,
}

/// What the caller asks for beside its body: Gemini says it in the path, a suffix in the name.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The model by the caller's name.
    pub model: &'a str,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// What a suffix of the name wishes of the model's thinking.
    pub wish: Option<Wish>,
}

/// What the way back must know of the way there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Back {
    /// Tool names that were changed for the upstream.
    pub(crate) names: Names,
    /// The caller's custom tools that were declared as functions with one string, `input`; by the
    /// upstream's names.
    pub(crate) custom: Vec<String>,
    /// A schema was asked for by forcing a tool of this name: its arguments are the answer's text.
    pub(crate) json_tool: Option<&'static str>,
    /// Chat: the caller wants the usage chunk.
    pub(crate) include_usage: bool,
    /// The caller wants to see the model's reasoning; chat cannot say so.
    pub(crate) show_thoughts: bool,
    /// Responses: what of the request the answer repeats, as the inside of a JSON object.
    pub(crate) echo: String,
}

/// A body for the upstream.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) body: Vec<u8>,
    pub(crate) back: Back,
}

/// A converted request.
#[derive(Debug)]
pub struct Converted {
    /// The upstream's body.
    pub body: Vec<u8>,
    /// For the answer's translation.
    pub back: Back,
    /// The caller's fields that were dropped, by its own names; at most 32.
    pub dropped: Vec<Cow<'static, str>>,
}

/// Finds the proof of a call by its id, where a client did not send it back.
pub type Kept<'k> = &'k dyn Fn(&str) -> Option<String>;

/// Converts `body` of format `from`.
pub fn convert(
    from: Format,
    body: &[u8],
    asked: &Asked<'_>,
    to: &Target<'_>,
) -> Result<Converted, Misfit> {
    convert_with(from, body, asked, to, &|_| None)
}

/// The same, with proofs that were [kept](crate::transcode::Transcoder::keep_proofs).
pub fn convert_with(
    from: Format,
    body: &[u8],
    asked: &Asked<'_>,
    to: &Target<'_>,
    kept: Kept<'_>,
) -> Result<Converted, Misfit> {
    let mut request = decode(from, body)?;
    request.model = Cow::Borrowed(asked.model);
    request.stream = asked.stream;
    if let Some(wish) = asked.wish {
        wish.apply(&mut request.reasoning);
    }
    let mut losses = Losses::new(from, to.format, asked.model, to.strictness);
    losses.rest(&request.rest)?;
    drop_foreign(&mut request, to.format, &mut losses)?;
    if to.format == Format::Gemini {
        gemini::restore_proofs(&mut request, to.model, kept);
    }
    let wishes = wishes(&request);
    let Encoded { body, back } = encode(request, to, &mut losses)?;
    Ok(Converted {
        body,
        back: Back {
            include_usage: wishes.include_usage,
            show_thoughts: wishes.show_thoughts,
            echo: wishes.echo,
            ..back
        },
        dropped: losses.into_dropped(),
    })
}

/// What the way back must know of a request that goes to an upstream of its own format. A body
/// that the common model cannot hold wishes nothing.
pub fn back_unconverted(format: Format, body: &[u8]) -> Back {
    decode(format, body).map_or_else(|_| Back::default(), |request| wishes(&request))
}

/// What the caller wishes of the answer.
fn wishes(request: &Request<'_>) -> Back {
    Back {
        include_usage: request.include_usage,
        show_thoughts: request.reasoning.show == Show::Shown,
        echo: match request.origin {
            Format::Responses => responses::echo(request),
            _ => String::new(),
        },
        ..Back::default()
    }
}

fn decode(format: Format, body: &[u8]) -> Result<Request<'_>, Misfit> {
    match format {
        Format::Chat => chat::decode(body),
        Format::Responses => responses::decode(body),
        Format::Messages => messages::decode(body),
        Format::Gemini => gemini::decode(body),
    }
}

fn encode(request: Request<'_>, to: &Target<'_>, losses: &mut Losses) -> Result<Encoded, Misfit> {
    match to.format {
        Format::Chat => chat::encode(request, to, losses),
        Format::Responses => responses::encode(request, to, losses),
        Format::Messages => messages::encode(request, to, losses),
        Format::Gemini => gemini::encode(request, to, losses),
    }
}
