//! Calls of the caller's tools: held back until it is known what goes before them.

use serde::de::IgnoredAny;

use super::super::SPACE;
use super::super::object::{Body, Status};
use super::{Encoder, Route};
use crate::frame::write::Writer;
use crate::ir::{Signature, ToolKind};

/// The call that was opened last and is not told yet, with the first piece of its arguments: a
/// proof that comes with it, before or behind that piece, has to go before the call.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) block: u32,
    call: Body,
    args: String,
}

impl Waiting {
    /// A call that begins.
    pub(super) fn new(block: u32, id: &str, name: &str, kind: ToolKind) -> Waiting {
        let (namespace, name) = match name.split_once(SPACE) {
            Some((space, name)) => (Some(space.to_owned()), name),
            None => (None, name),
        };
        let call = Body::Call {
            call_id: id.to_owned(),
            namespace,
            name: name.to_owned(),
            custom: kind == ToolKind::Custom,
            args: String::new(),
        };
        Waiting {
            block,
            call,
            args: String::new(),
        }
    }
}

impl Encoder {
    /// Tells of the call that waits for a proof.
    pub(super) fn announce(&mut self, out: &mut Writer) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        let item = self.output.add(&self.shell, waiting.call, out);
        if let Some(Route::Call(known)) = self.route(waiting.block) {
            *known = item;
        }
        if let Some(item) = item.filter(|_| !waiting.args.is_empty()) {
            self.output.args(item, &waiting.args, out);
        }
    }

    /// More of a call's arguments; the first piece waits with its call.
    pub(super) fn args(&mut self, block: u32, args: &str, out: &mut Writer) {
        let waiting = self.waiting.as_mut();
        if let Some(waiting) = waiting.filter(|waiting| waiting.block == block)
            && waiting.args.is_empty()
        {
            waiting.args.push_str(args);
            return;
        }
        self.announce(out);
        if let Some(Route::Call(Some(item))) = self.route(block).copied() {
            self.output.args(item, args, out);
        }
    }

    /// A call has no place for a proof: a reasoning item of its own carries it.
    pub(super) fn prove_call(&mut self, proof: &Signature<'_>, out: &mut Writer) {
        let Some(proof) = self.carried(proof) else {
            return;
        };
        if let Some(item) = self.output.add(&self.shell, Body::reasoning(), out) {
            self.output.prove(item, proof);
            self.output.thought(item, out);
        }
    }

    /// A call is complete if its arguments are: a cut answer ends in the middle of them.
    pub(super) fn called(&mut self, item: usize, out: &mut Writer) {
        let Some(Body::Call { custom, args, .. }) =
            self.output.items.get(item).map(|item| &item.body)
        else {
            return;
        };
        let empty = args.is_empty() && !custom;
        let complete = *custom || serde_json::from_str::<IgnoredAny>(args).is_ok();
        if empty {
            self.output.args(item, "{}", out);
        }
        let status = match complete || empty {
            true => Status::Completed,
            false => Status::Incomplete,
        };
        self.output.called(item, status, out);
    }
}
