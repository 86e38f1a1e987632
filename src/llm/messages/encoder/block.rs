//! One block of the answer, from its beginning to its end.

use super::line::{Line, More};
use crate::frame::balance::Balance;
use crate::frame::write::Writer;
use crate::ir::{Delta, Signature, ToolKind};
use crate::messages::answer::{self, Input, call_id, wrapped};
use crate::patch::quoted;

/// A block that may still say something.
#[derive(Debug)]
pub(super) struct Block {
    number: u32,
    kind: Kind,
    /// What was said while another block was open.
    held: String,
    /// Its proof, shown at its end (thinking) or before its beginning (a call).
    proof: Option<Signature<'static>>,
    closed: bool,
}

/// What a block is at the client.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// Its proof comes at its end.
    Thinking,
    /// Nothing but a proof, which holds the thinking.
    Redacted,
    Tool {
        id: String,
        name: String,
        args: Args,
    },
}

/// How far the arguments of a call have come.
#[derive(Debug)]
pub(super) enum Args {
    /// Nothing but white space.
    None,
    Begun(Balance),
    Complete,
    /// Not an object; only the block's end tells when they are complete.
    Odd,
    /// Free text, written as a JSON string; whether it has begun.
    Custom(bool),
}

impl Kind {
    /// A call, with an id that Anthropic takes.
    pub(super) fn tool(id: &str, name: &str, kind: ToolKind) -> Kind {
        Kind::Tool {
            id: call_id(id).into_owned(),
            name: name.to_owned(),
            args: match kind {
                ToolKind::Function => Args::None,
                ToolKind::Custom => Args::Custom(false),
            },
        }
    }
}

impl Block {
    /// A block with something it says first.
    pub(super) fn new(number: u32, kind: Kind, held: String) -> Block {
        Block {
            number,
            kind,
            held,
            proof: None,
            closed: false,
        }
    }

    /// The number of its events.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn is(&self, number: u32) -> bool {
        self.number == number
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind, Kind::Tool { .. })
    }

    /// Whether its last event came.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What of the delta is shown.
    pub(super) fn takes<'a>(&self, delta: &Delta<'a>) -> Option<&'a str> {
        match (&self.kind, delta) {
            (Kind::Text | Kind::Thinking, Delta::Text(more)) => Some(more),
            (Kind::Tool { .. }, Delta::Args(more)) => Some(more),
            _ => None,
        }
    }

    /// Takes a proof, in place of an earlier one.
    pub(super) fn sign(&mut self, proof: Signature<'static>) {
        self.proof = Some(proof);
    }

    /// Keeps what is said for later; `true` when nothing was kept before.
    pub(super) fn hold(&mut self, more: &str) -> bool {
        let first = self.held.is_empty();
        self.held.push_str(more);
        first
    }

    /// The block ends while another one is open; `false` when it has nothing left to say.
    pub(super) fn close(&mut self) -> bool {
        self.closed = true;
        self.has_something_to_say()
    }

    /// Whether a block that waits should be given the word.
    pub(super) fn has_something_to_say(&self) -> bool {
        let at_its_end = match self.kind {
            Kind::Text => false,
            Kind::Thinking | Kind::Redacted => self.proof.is_some(),
            Kind::Tool { .. } => true,
        };
        !self.held.is_empty() || (self.closed && at_its_end)
    }

    /// Whether an open block may be ended for another's sake.
    pub(super) fn yields(&self) -> bool {
        match &self.kind {
            Kind::Text | Kind::Thinking | Kind::Redacted => true,
            Kind::Tool { args, .. } => matches!(args, Args::Complete),
        }
    }

    /// Opens the block at the client and says what was held: so many bytes are held no more.
    /// `family` is that of the proofs, where thinking is shown.
    pub(super) fn begin(
        &mut self,
        index: &mut u32,
        family: Option<&str>,
        out: &mut Writer,
    ) -> usize {
        if let (true, Some(family)) = (self.is_call(), family) {
            self.tell_proof(index, family, out);
        }
        let proof = self.proof.as_ref().filter(|_| self.held.is_empty());
        if let Kind::Thinking = self.kind
            && answer::is_redacted(proof)
        {
            self.kind = Kind::Redacted;
        }
        let content_block = match &self.kind {
            Kind::Text => answer::Block::Text { text: "" },
            Kind::Thinking => answer::Block::EMPTY_THINKING,
            Kind::Redacted => answer::Block::RedactedThinking {
                data: wrapped(proof, family.unwrap_or_default()),
            },
            Kind::Tool { id, name, .. } => answer::Block::ToolUse {
                id: id.into(),
                name,
                input: Input::Empty {},
            },
        };
        start(*index, content_block, out);
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.say(&held, *index, out);
        }
        held.len()
    }

    /// The proof of a call, in a thinking block of its own before it: the call has no place for it.
    fn tell_proof(&mut self, index: &mut u32, family: &str, out: &mut Writer) {
        let Some(proof) = self.proof.take() else {
            return;
        };
        start(*index, answer::Block::EMPTY_THINKING, out);
        sign(*index, Some(&proof), family, out);
        Line::ContentBlockStop { index: *index }.write(out);
        *index += 1;
    }

    /// Says more of the open block.
    pub(super) fn say(&mut self, more: &str, index: u32, out: &mut Writer) {
        let custom;
        let delta = match &mut self.kind {
            Kind::Text => More::Text { text: more },
            Kind::Thinking | Kind::Redacted => More::Thinking { thinking: more },
            Kind::Tool { args, .. } => {
                custom = args.read(more);
                More::Input {
                    partial_json: custom.as_deref().unwrap_or(more),
                }
            }
        };
        Line::ContentBlockDelta { index, delta }.write(out);
    }

    /// Closes the block at the client.
    pub(super) fn finish(&mut self, index: u32, family: &str, out: &mut Writer) {
        match &self.kind {
            Kind::Thinking => sign(index, self.proof.take().as_ref(), family, out),
            Kind::Tool { args, .. } => {
                let partial_json = args.rest();
                if !partial_json.is_empty() {
                    let delta = More::Input { partial_json };
                    Line::ContentBlockDelta { index, delta }.write(out);
                }
            }
            Kind::Text | Kind::Redacted => {}
        }
        Line::ContentBlockStop { index }.write(out);
    }
}

impl Args {
    /// Reads on. Free text is written in another way: as the inside of a JSON string.
    fn read(&mut self, more: &str) -> Option<String> {
        match self {
            Args::None => {
                let begun = more.trim_start();
                match begun.bytes().next() {
                    None => {}
                    Some(b'{') => self.scan(Balance::default(), begun),
                    Some(_) => *self = Args::Odd,
                }
            }
            Args::Begun(balance) => {
                let balance = *balance;
                self.scan(balance, more);
            }
            Args::Complete | Args::Odd => {}
            Args::Custom(begun) => {
                let string = quoted(more);
                let inside = string.strip_suffix('"').unwrap_or(&string);
                let text = match std::mem::replace(begun, true) {
                    true => inside.strip_prefix('"').unwrap_or(inside).to_owned(),
                    false => format!("{{\"input\":{inside}"),
                };
                return Some(text);
            }
        }
        None
    }

    fn scan(&mut self, mut balance: Balance, more: &str) {
        *self = match balance.scan(more.as_bytes()) {
            Some(_) => Args::Complete,
            None => Args::Begun(balance),
        };
    }

    /// What is still to be written at the end of the call.
    fn rest(&self) -> &'static str {
        match self {
            Args::None => "{}",
            Args::Custom(true) => "\"}",
            Args::Custom(false) => "{\"input\":\"\"}",
            Args::Begun(_) | Args::Complete | Args::Odd => "",
        }
    }
}

fn start(index: u32, content_block: answer::Block<'_>, out: &mut Writer) {
    Line::ContentBlockStart {
        index,
        content_block,
    }
    .write(out);
}

/// The proof in one piece: clients overwrite what came before.
fn sign(index: u32, proof: Option<&Signature<'_>>, family: &str, out: &mut Writer) {
    let signature = &wrapped(proof, family);
    let delta = More::Signature { signature };
    Line::ContentBlockDelta { index, delta }.write(out);
}
