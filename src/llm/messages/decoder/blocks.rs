//! The blocks of an answer, of which one is open at a time.

use crate::Format;
use crate::ir::{self, BlockKind, Citation, Event, ToolKind};
use crate::loose::{Kept, Text};
use crate::messages::heard::{Delta, Part, Source};
use crate::messages::proof;
use crate::normal::Mint;

/// Citations of one block that are kept until its end, when it is known what they cover.
const MAX_CITATIONS: usize = 256;

/// The longest citation that is kept, in bytes.
const MAX_CITATION_BYTES: usize = 16 * 1024;

/// Follows the blocks and numbers them.
#[derive(Debug)]
pub(super) struct Blocks {
    /// The number of the next block.
    next: u32,
    open: Option<Open>,
    /// A call of the caller's tools is complete.
    called: bool,
    /// Code points of text so far.
    chars: u64,
    mint: Mint,
}

#[derive(Debug)]
enum Open {
    /// With the code points before it.
    Text {
        from: u64,
        citations: Vec<Citation<'static>>,
    },
    Reasoning,
    Tool {
        /// Something of the arguments came in deltas.
        args: bool,
        /// What the block began with; it counts when no delta follows.
        input: String,
    },
    /// A step of the provider's own, whose deltas nobody else can show.
    Server,
}

impl Blocks {
    /// None yet, of the answer to the request of that id.
    pub(super) fn new(request: &str) -> Blocks {
        Blocks {
            next: 0,
            open: None,
            called: false,
            chars: 0,
            mint: Mint::new(request),
        }
    }

    /// Whether a call of the caller's tools is complete.
    pub(super) fn called(&self) -> bool {
        self.called
    }

    /// A block begins; one that was left open is complete.
    pub(super) fn open(&mut self, block: &Kept<'_, Part<'_>>, each: &mut dyn FnMut(Event<'_>)) {
        let Kept {
            json: raw,
            object: part,
        } = block;
        self.close(each);
        match &*part.kind.0 {
            "text" => self.text(part, each),
            "thinking" => self.thinking(part, each),
            "redacted_thinking" => self.redacted(&part.redacted, each),
            "tool_use" => self.tool(part, each),
            "" => {}
            _ => {
                let origin = Format::Messages;
                self.begin(BlockKind::Server { origin, raw }, Open::Server, each);
            }
        }
    }

    fn text(&mut self, part: &Part<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.begin_text(each);
        self.say(&part.text.0, each);
        for source in part.citations.items() {
            self.cite(source);
        }
    }

    fn begin_text(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let open = Open::Text {
            from: self.chars,
            citations: Vec::new(),
        };
        self.begin(BlockKind::Text, open, each);
    }

    fn thinking(&mut self, part: &Part<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.begin(BlockKind::Reasoning, Open::Reasoning, each);
        self.say(&part.thinking.0, each);
        self.sign(proof::of_signature((&*part.signature.0).into()), each);
    }

    fn redacted(&mut self, inside: &Text<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.begin(BlockKind::Reasoning, Open::Reasoning, each);
        self.sign(proof::of_redacted((&*inside.0).into()), each);
    }

    fn tool(&mut self, part: &Part<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let minted;
        let id = match &*part.id.0 {
            "" => {
                minted = self.mint.id(0, self.next as usize);
                &minted
            }
            id => id,
        };
        let kind = BlockKind::Tool {
            id,
            name: &part.name.0,
            kind: ToolKind::Function,
        };
        let open = Open::Tool {
            args: false,
            input: part.input.written().to_owned(),
        };
        self.begin(kind, open, each);
    }

    fn begin(&mut self, kind: BlockKind<'_>, open: Open, each: &mut dyn FnMut(Event<'_>)) {
        let block = self.next;
        self.next += 1;
        self.open = Some(open);
        each(Event::Open {
            block,
            choice: 0,
            kind,
        });
    }

    /// More of the open block; text without a block begins one.
    pub(super) fn delta(&mut self, delta: &Delta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        match &*delta.kind.0 {
            "text_delta" => {
                if !matches!(self.open, Some(Open::Text { .. })) && !delta.text.0.is_empty() {
                    self.close(each);
                    self.begin_text(each);
                }
                self.say(&delta.text.0, each);
            }
            "thinking_delta" => {
                if !matches!(self.open, Some(Open::Reasoning)) && !delta.thinking.0.is_empty() {
                    self.close(each);
                    self.begin(BlockKind::Reasoning, Open::Reasoning, each);
                }
                self.say(&delta.thinking.0, each);
            }
            "input_json_delta" => self.args(&delta.json.0, each),
            "signature_delta" => {
                if let Some(Open::Reasoning) = self.open {
                    self.sign(proof::of_signature((&*delta.signature.0).into()), each);
                }
            }
            "citations_delta" => {
                if let Some(source) = &delta.citation.0 {
                    self.cite(source);
                }
            }
            _ => {}
        }
    }

    /// The open block is complete.
    pub(super) fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        let Some(open) = self.open.take() else {
            return;
        };
        match open {
            Open::Text { from, citations } => {
                for mut citation in citations {
                    citation.span = Some((from, self.chars));
                    self.tell(ir::Delta::Citation(citation), each);
                }
            }
            Open::Tool { args, input } => {
                self.called = true;
                if !args {
                    let input = if input.is_empty() { "{}" } else { &input };
                    self.tell(ir::Delta::Args(input), each);
                }
            }
            Open::Reasoning | Open::Server => {}
        }
        each(Event::Close {
            block: self.next - 1,
        });
    }

    fn say(&mut self, text: &str, each: &mut dyn FnMut(Event<'_>)) {
        if text.is_empty() {
            return;
        }
        if let Some(Open::Text { .. }) = self.open {
            self.chars += text.chars().count() as u64;
        }
        self.tell(ir::Delta::Text(text), each);
    }

    fn args(&mut self, more: &str, each: &mut dyn FnMut(Event<'_>)) {
        let Some(Open::Tool { args, .. }) = &mut self.open else {
            return;
        };
        if !more.is_empty() {
            *args = true;
            self.tell(ir::Delta::Args(more), each);
        }
    }

    fn sign(&self, proof: Option<ir::Signature<'_>>, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(proof) = proof {
            self.tell(ir::Delta::Signature(proof), each);
        }
    }

    fn cite(&mut self, source: &Source<'_>) {
        let Some(Open::Text { citations, .. }) = &mut self.open else {
            return;
        };
        let bytes = source.url.0.len() + source.title.0.len() + source.quote.0.len();
        let room = citations.len() < MAX_CITATIONS && bytes <= MAX_CITATION_BYTES;
        // Citations of the caller's own documents have no address.
        if source.url.0.is_empty() || !room {
            return;
        }
        let said = |text: &Text<'_>| (!text.0.is_empty()).then(|| text.0.to_string().into());
        citations.push(Citation {
            url: source.url.0.to_string().into(),
            title: said(&source.title),
            span: None,
            quote: said(&source.quote),
        });
    }

    /// A delta of the open block.
    fn tell(&self, delta: ir::Delta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        each(Event::Delta {
            block: self.next - 1,
            delta,
        });
    }
}
