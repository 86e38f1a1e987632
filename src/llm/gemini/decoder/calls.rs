//! Calls of the caller's functions: whole ones, and ones whose arguments come leaf by leaf.

use super::candidate::{Candidate, Sink};
use super::partial::Arguments;
use crate::gemini::heard::Call;
use crate::ir::{BlockKind, Delta, Event, Origin, Signature, ToolKind};
use crate::loose::compact;
use crate::normal::Mint;

/// A call whose arguments are coming.
#[derive(Debug)]
pub(super) struct Partial {
    id: String,
    name: String,
    signature: String,
    arguments: Arguments,
}

impl Candidate {
    pub(super) fn call(&mut self, call: &Call<'_>, proof: &str, mint: &Mint, sink: &mut Sink<'_>) {
        let name = &*call.name.0;
        let pieces = call.pieces();
        if !name.is_empty() {
            self.complete(mint, sink);
            if !call.goes_on.0 && pieces.items().is_empty() {
                let args = call.args.0.map_or("{}", |args| args.get());
                return self.tool(&call.id.0, name, &compact(args), proof, mint, sink);
            }
            self.partial = Some(Partial {
                id: call.id.0.clone().into_owned(),
                name: name.to_owned(),
                signature: proof.to_owned(),
                arguments: Arguments::default(),
            });
        }
        let Some(partial) = &mut self.partial else {
            return;
        };
        for piece in pieces.items() {
            partial.arguments.take(piece);
        }
        if !call.goes_on.0 {
            self.complete(mint, sink);
        }
    }

    /// The call whose arguments came in pieces is whole.
    pub(super) fn complete(&mut self, mint: &Mint, sink: &mut Sink<'_>) {
        let Some(partial) = self.partial.take() else {
            return;
        };
        if partial.arguments.is_cut() {
            self.calls += 1;
            "MALFORMED_FUNCTION_CALL".clone_into(&mut self.reason);
            return;
        }
        let args = partial.arguments.json();
        let Partial {
            id,
            name,
            signature,
            ..
        } = partial;
        self.tool(&id, &name, &args, &signature, mint, sink);
    }

    fn tool(
        &mut self,
        id: &str,
        name: &str,
        args: &str,
        proof: &str,
        mint: &Mint,
        sink: &mut Sink<'_>,
    ) {
        self.close(sink);
        let minted;
        let id = if id.is_empty() {
            minted = mint.id(self.choice, self.calls);
            &minted
        } else {
            id
        };
        self.calls += 1;
        self.called = true;
        let kind = ToolKind::Function;
        let block = self.begin(BlockKind::Tool { id, name, kind }, sink);
        if !proof.is_empty() {
            (sink.each)(Event::Delta {
                block,
                delta: Delta::Signature(Signature::native(Origin::Gemini, proof)),
            });
        }
        (sink.each)(Event::Delta {
            block,
            delta: Delta::Args(args),
        });
        (sink.each)(Event::Close { block });
    }
}
