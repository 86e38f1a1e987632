//! Which items and blocks of an answer are open, and what of them was said already.
//!
//! Items are found by `output_index`, as some servers give an item another id in every event; by
//! id where the index is left out.

use super::sent::Sent;
use crate::ir::{BlockKind, Citation, Delta, Event, Signature, ToolKind};
use crate::meter::cut;
use crate::normal::Mint;
use crate::responses::heard::{Annotation, Part};

/// Items, and blocks, of one answer that are followed (about 100 bytes each); what comes after
/// them is left out.
const MAX_BLOCKS: usize = 4096;

/// Bytes of an item's id by which it is known again.
const MAX_ID_BYTES: usize = 256;

/// Where the reasoning text of an item stands behind all parts of its summary.
pub(super) const REASONING_TEXT: u64 = 1 << 32;

/// What stands between the paragraphs of a summary, and between the texts of two messages.
const PARAGRAPH: &str = "\n\n";

/// Takes events.
pub(super) type Each<'e> = &'e mut dyn FnMut(Event<'_>);

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Text,
    Refusal,
    Reasoning,
    Call,
}

/// A part of an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// Which of the items.
    pub(super) item: usize,
    pub(super) held: Held,
    /// Which of the item's parts.
    pub(super) part: u64,
}

#[derive(Debug)]
struct Item {
    index: Option<u64>,
    id: String,
    done: bool,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    number: u32,
    held: Held,
    part: u64,
    open: bool,
    /// What was said of the part.
    sent: Sent,
    /// Citations of the part that were told.
    cited: usize,
    /// Code points of the answer's text before this block.
    base: u64,
}

/// The items of one answer.
#[derive(Debug)]
pub(super) struct Blocks {
    items: Vec<Item>,
    next: u32,
    /// Code points of text so far.
    chars: u64,
    /// The last of the messages that said something.
    spoke: Option<usize>,
    /// A call of the caller's tools is complete.
    pub(super) called: bool,
    /// The model declined.
    pub(super) refused: bool,
    mint: Mint,
}

impl Blocks {
    /// None yet, of the answer to the request of that id.
    pub(super) fn new(request: &str) -> Blocks {
        Blocks {
            items: Vec::new(),
            next: 0,
            chars: 0,
            spoke: None,
            called: false,
            refused: false,
            mint: Mint::new(request),
        }
    }

    /// Whether no item was ever heard of.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item of that index or id, old or new; none when it is done, or one too many.
    pub(super) fn item(&mut self, index: Option<u64>, id: &str) -> Option<usize> {
        let id = cut(id, MAX_ID_BYTES);
        let known = self.items.iter().rposition(|item| match index {
            Some(_) => item.index == index,
            None if !id.is_empty() => item.id == id,
            None => !item.done,
        });
        match known {
            Some(place) => (!self.items[place].done).then_some(place),
            None => self.register(index, id),
        }
    }

    /// The item of that index, if it was heard of and not of its end.
    pub(super) fn unfinished(&self, index: u64) -> Option<usize> {
        let mut items = self.items.iter();
        items.position(|item| item.index == Some(index) && !item.done)
    }

    /// A new item.
    pub(super) fn register(&mut self, index: Option<u64>, id: &str) -> Option<usize> {
        if self.items.len() >= MAX_BLOCKS {
            return None;
        }
        self.items.push(Item {
            index,
            id: cut(id, MAX_ID_BYTES).to_owned(),
            done: false,
            blocks: Vec::new(),
        });
        Some(self.items.len() - 1)
    }

    /// More of a part.
    pub(super) fn more(&mut self, spot: Spot, text: &str, each: Each<'_>) {
        if text.is_empty() {
            return;
        }
        let separate = match self.find(spot) {
            Some(block) if block.part != spot.part => {
                let separate = block.sent.bytes > 0;
                (block.part, block.sent) = (spot.part, Sent::NOTHING);
                separate
            }
            _ => self.is_another_message(spot),
        };
        if separate && spot.held == Held::Text {
            self.chars += PARAGRAPH.len() as u64;
        }
        let Some(number) = self.open(spot, each) else {
            return;
        };
        if separate {
            delta(number, Delta::Text(PARAGRAPH), each);
        }
        match spot.held {
            Held::Call => delta(number, Delta::Args(text), each),
            _ => delta(number, Delta::Text(text), each),
        }
        if spot.held == Held::Text {
            self.chars += text.chars().count() as u64;
        }
        if let Some(block) = self.find(spot) {
            block.sent.add(text);
        }
    }

    /// Whether the text of one message follows that of an earlier one. The parts of one message
    /// are one text, but messages are several: nothing else would keep their words apart where
    /// the caller's format has room for one text only.
    fn is_another_message(&mut self, spot: Spot) -> bool {
        if spot.held != Held::Text || self.spoke >= Some(spot.item) {
            return false;
        }
        self.spoke.replace(spot.item).is_some()
    }

    /// The whole of a part: says what of it was not streamed.
    pub(super) fn full(&mut self, spot: Spot, text: &str, each: Each<'_>) {
        let sent = match self.find(spot) {
            Some(block) if block.part > spot.part => return,
            Some(block) if block.part == spot.part => block.sent,
            _ => Sent::NOTHING,
        };
        self.more(spot, sent.rest(text), each);
    }

    /// The whole of a message's part, with all that is told beside the text.
    pub(super) fn part(&mut self, spot: Spot, part: &Part<'_>, each: Each<'_>) {
        let fresh = self.find(spot).is_none_or(|block| block.sent.bytes == 0);
        self.full(spot, &part.text.0, each);
        if spot.held != Held::Text {
            return;
        }
        if fresh {
            self.logprobs(spot, part.logprobs.0.map_or("", |raw| raw.get()), each);
        }
        let told = self.find(spot).map_or(0, |block| block.cited);
        for annotation in part.annotations.items().iter().skip(told) {
            self.cite(spot, annotation, each);
        }
    }

    /// A source of a part's text. Files that only the provider has are no sources.
    pub(super) fn cite(&mut self, spot: Spot, annotation: &Annotation<'_>, each: Each<'_>) {
        let Some(block) = self.find(spot).filter(|block| block.open) else {
            return;
        };
        block.cited += 1;
        if annotation.url.0.is_empty() {
            return;
        }
        let (start, end) = (annotation.start.0, annotation.end.0);
        let span = start.zip(end);
        let citation = Citation {
            url: annotation.url.0.as_ref().into(),
            title: (!annotation.title.0.is_empty()).then(|| annotation.title.0.as_ref().into()),
            span: span.map(|(start, end)| (block.base + start, block.base + end)),
            quote: None,
        };
        delta(block.number, Delta::Citation(citation), each);
    }

    /// Log probabilities of what was just said.
    pub(super) fn logprobs(&mut self, spot: Spot, entries: &str, each: Each<'_>) {
        let Some(block) = self.find(spot).filter(|block| block.open) else {
            return;
        };
        let entries = entries.trim();
        let inside = entries.strip_prefix('[').map_or("]", str::trim_start);
        if inside != "]" {
            delta(block.number, Delta::Logprobs(entries), each);
        }
    }

    /// The proof of an item's reasoning.
    pub(super) fn proof(&mut self, item: usize, proof: Signature<'_>, each: Each<'_>) {
        let spot = Spot {
            item,
            held: Held::Reasoning,
            part: 0,
        };
        if let Some(number) = self.open(spot, each) {
            delta(number, Delta::Signature(proof), each);
        }
    }

    /// A call begins; without a name it waits for one.
    pub(super) fn call(
        &mut self,
        item: usize,
        (id, name, kind): (&str, &str, ToolKind),
        each: Each<'_>,
    ) {
        let spot = Spot {
            item,
            held: Held::Call,
            part: 0,
        };
        if name.is_empty() || self.find(spot).is_some() {
            return;
        }
        let minted = id.is_empty().then(|| self.mint.id(0, item));
        let id = minted.as_deref().unwrap_or(id);
        self.begin(spot, BlockKind::Tool { id, name, kind }, each);
    }

    /// A block that comes whole: `data` is base64, empty where the kind says it all.
    pub(super) fn whole(&mut self, kind: BlockKind<'_>, data: &str, each: Each<'_>) {
        let Some(number) = self.number() else {
            return;
        };
        each(Event::Open {
            block: number,
            choice: 0,
            kind,
        });
        if !data.is_empty() {
            delta(number, Delta::Data(data), each);
        }
        each(Event::Close { block: number });
    }

    /// One part is complete.
    pub(super) fn close_part(&mut self, spot: Spot, each: Each<'_>) {
        if let Some(block) = self.find(spot) {
            close(block, each);
        }
    }

    /// An item is complete.
    pub(super) fn close_item(&mut self, place: usize, each: Each<'_>) {
        let Some(item) = self.items.get_mut(place) else {
            return;
        };
        item.done = true;
        for block in &mut item.blocks {
            self.called |= block.open && block.held == Held::Call;
            close(block, each);
        }
    }

    /// Nothing more comes.
    pub(super) fn close_all(&mut self, each: Each<'_>) {
        for place in 0..self.items.len() {
            self.close_item(place, each);
        }
    }

    /// All parts of an item's reasoning are one block, as is a call; a message has one for each.
    fn find(&mut self, spot: Spot) -> Option<&mut Block> {
        let blocks = &mut self.items.get_mut(spot.item)?.blocks;
        blocks.iter_mut().rev().find(|block| {
            let single = matches!(spot.held, Held::Reasoning | Held::Call);
            block.held == spot.held && (single || block.part == spot.part)
        })
    }

    /// The number of the spot's block, which is opened if it is new. A call is opened by
    /// [`call`](Blocks::call) alone.
    fn open(&mut self, spot: Spot, each: Each<'_>) -> Option<u32> {
        if let Some(block) = self.find(spot) {
            return block.open.then_some(block.number);
        }
        match spot.held {
            Held::Text => self.begin(spot, BlockKind::Text, each),
            Held::Refusal => self.begin(spot, BlockKind::Refusal, each),
            Held::Reasoning => self.begin(spot, BlockKind::Reasoning, each),
            Held::Call => None,
        }
    }

    fn begin(&mut self, spot: Spot, kind: BlockKind<'_>, each: Each<'_>) -> Option<u32> {
        let number = self.number()?;
        self.refused |= spot.held == Held::Refusal;
        self.items.get_mut(spot.item)?.blocks.push(Block {
            number,
            held: spot.held,
            part: spot.part,
            open: true,
            sent: Sent::NOTHING,
            cited: 0,
            base: self.chars,
        });
        each(Event::Open {
            block: number,
            choice: 0,
            kind,
        });
        Some(number)
    }

    fn number(&mut self) -> Option<u32> {
        let number = self.next;
        let room = (number as usize) < MAX_BLOCKS;
        room.then(|| {
            self.next += 1;
            number
        })
    }
}

fn close(block: &mut Block, each: Each<'_>) {
    if std::mem::take(&mut block.open) {
        each(Event::Close {
            block: block.number,
        });
    }
}

fn delta(block: u32, delta: Delta<'_>, each: Each<'_>) {
    each(Event::Delta { block, delta });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_known_again_by_an_id_of_any_length() {
        let mut blocks = Blocks::new("r");
        let id = "é".repeat(1 << 20);
        assert_eq!(blocks.item(None, &id), Some(0));
        assert_eq!(blocks.item(None, &id), Some(0));
        assert!(blocks.items[0].id.len() <= MAX_ID_BYTES, "little is kept");
    }
}
