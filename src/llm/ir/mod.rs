//! The common model: what a conversation, a tool, an answer mean, whatever the wire format.
//!
//! Every format decodes into it and encodes from it; no code knows two formats.

mod citation;
mod collect;
mod event;
mod feature;
#[cfg(any(test, debug_assertions))]
mod grammar;
mod opaque;
mod reply;
mod request;
mod stop;

pub(crate) use citation::Citation;
pub(crate) use collect::Collector;
pub(crate) use event::{BlockKind, Delta, Event};
pub(crate) use feature::Feature;
#[cfg(any(test, debug_assertions))]
pub(crate) use grammar::Grammar;
pub(crate) use opaque::{Origin, Signature, family, hide, reveal};
pub(crate) use reply::{Choice, OwnedStop, Reply, Said};
pub(crate) use request::{
    CacheMark, Effort, Media, Output, Part, Reasoning, Request, Rest, Role, Show, Source, System,
    Text, Thinking, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
pub(crate) use stop::Stop;
