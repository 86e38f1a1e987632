//! Tells which call a fragment of a tool call belongs to.
//!
//! By the book every fragment has the call's index and the first one its id and name. Some servers
//! leave the index out, some always say 0, some repeat id and name in every fragment, some make up
//! a new id for each.

use crate::chat::heard::{Call, Function};
use crate::frame::balance::Balance;
use crate::ir::{BlockKind, Delta, Event, Origin, Signature, ToolKind};
use crate::meter::cut;
use crate::normal::Mint;

/// Calls of one choice that are told apart; further ones are left out.
const MAX_CALLS: usize = 1_024;
/// Bytes of arguments that are kept until the call's name comes; no server is known that sends more
/// than the first fragment before it.
const MAX_EARLY_BYTES: usize = 64 * 1024;
/// Bytes of an id by which calls are told apart.
const ID_BYTES: usize = 256;
/// Bytes of a name that is kept.
const NAME_BYTES: usize = 256;

/// Where a call stands.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Its name is not known.
    Nameless,
    Open(u32),
    Closed,
}

#[derive(Debug)]
struct Slot {
    index: Option<u64>,
    id: String,
    stage: Stage,
    /// Arguments that came before the name.
    early: String,
    balance: Balance,
    /// Once arguments began: whether with a bracket, so that their end can be told.
    bracketed: Option<bool>,
    /// The arguments are a complete JSON object or array.
    complete: bool,
}

/// The calls of one choice.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    opened: bool,
}

/// What numbers the blocks of an answer, and gives ids to calls without one.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u32,
    mint: Mint,
}

impl Numbers {
    pub(super) fn new(request: &str) -> Numbers {
        Numbers {
            next: 0,
            mint: Mint::new(request),
        }
    }

    pub(super) fn take(&mut self) -> u32 {
        let block = self.next;
        self.next += 1;
        block
    }
}

impl Calls {
    /// Whether a call was opened.
    pub(super) fn any(&self) -> bool {
        self.opened
    }

    /// The slot of a fragment; of a whole answer every entry is a call of its own.
    fn slot(&mut self, call: &Call<'_>, name: &str, whole: bool) -> Option<usize> {
        let (index, id) = (call.index.0, cut(&call.id.0, ID_BYTES));
        let found = if whole {
            None
        } else {
            self.find(index, id, name)
        };
        if found.is_some() {
            return found;
        }
        if self.slots.len() == MAX_CALLS {
            return None;
        }
        self.slots.push(Slot {
            index,
            id: String::new(),
            stage: Stage::Nameless,
            early: String::new(),
            balance: Balance::default(),
            bracketed: None,
            complete: false,
        });
        Some(self.slots.len() - 1)
    }

    fn find(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let by_id = |slot: &Slot| !id.is_empty() && slot.id == id;
        let Some(index) = index else {
            if !id.is_empty() {
                return self.slots.iter().rposition(by_id);
            }
            let last = self.slots.len().checked_sub(1)?;
            let another = !name.is_empty() && self.slots[last].complete;
            return (!another).then_some(last);
        };
        let here = |slot: &Slot| slot.index == Some(index);
        if let Some(same) = self
            .slots
            .iter()
            .rposition(|slot| here(slot) && by_id(slot))
        {
            return Some(same);
        }
        let last = self.slots.iter().rposition(here)?;
        let another = !id.is_empty() && !self.slots[last].id.is_empty() && !name.is_empty();
        (!another).then_some(last)
    }

    /// Reads a fragment. `before` closes what must not stay open beside a new call.
    pub(super) fn read(
        &mut self,
        call: &Call<'_>,
        choice: u32,
        whole: bool,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let (kind, function) = match (&call.custom.0, &call.function.0) {
            (Some(custom), _) => (ToolKind::Custom, Some(custom)),
            (None, function) => (ToolKind::Function, function.as_ref()),
        };
        let name = function.map_or("", |function| cut(&function.name.0, NAME_BYTES));
        let Some(place) = self.slot(call, name, whole) else {
            return;
        };
        if self.slots[place].id.is_empty() {
            cut(&call.id.0, ID_BYTES).clone_into(&mut self.slots[place].id);
        }
        if self.slots[place].stage == Stage::Nameless && !name.is_empty() {
            self.close_complete(each);
            self.open(place, name, kind, choice, numbers, each);
        }
        let slot = &mut self.slots[place];
        if let Some(function) = function {
            slot.arguments(function, kind, each);
        }
        if let Stage::Open(block) = slot.stage {
            prove(call, block, each);
        }
    }

    fn open(
        &mut self,
        place: usize,
        name: &str,
        kind: ToolKind,
        choice: u32,
        numbers: &mut Numbers,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let slot = &mut self.slots[place];
        if slot.id.is_empty() {
            slot.id = numbers.mint.id(choice, place);
        }
        let block = numbers.take();
        slot.stage = Stage::Open(block);
        self.opened = true;
        each(Event::Open {
            block,
            choice,
            kind: BlockKind::Tool {
                id: &slot.id,
                name,
                kind,
            },
        });
        let early = std::mem::take(&mut slot.early);
        if !early.is_empty() {
            each(Event::Delta {
                block,
                delta: Delta::Args(&early),
            });
        }
    }

    /// Closes calls whose arguments are complete: nothing more is to come of them.
    pub(super) fn close_complete(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.slots
            .iter_mut()
            .filter(|slot| slot.complete)
            .for_each(|slot| slot.close(each));
    }

    /// Closes every call.
    pub(super) fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.slots.iter_mut().for_each(|slot| slot.close(each));
    }
}

impl Slot {
    fn arguments(
        &mut self,
        function: &Function<'_>,
        kind: ToolKind,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let arguments = function.arguments.written();
        if arguments.is_empty() {
            return;
        }
        if kind == ToolKind::Function {
            self.follow(arguments);
        }
        match self.stage {
            Stage::Open(block) => each(Event::Delta {
                block,
                delta: Delta::Args(arguments),
            }),
            Stage::Nameless => {
                let room = MAX_EARLY_BYTES.saturating_sub(self.early.len());
                self.early.push_str(cut(arguments, room));
            }
            Stage::Closed => {}
        }
    }

    /// Notes where the JSON of the arguments is complete.
    fn follow(&mut self, arguments: &str) {
        let mut bytes = arguments.as_bytes();
        if self.bracketed.is_none() {
            bytes = bytes.trim_ascii_start();
            self.bracketed = bytes.first().map(|first| b"{[".contains(first));
        }
        // Anything else than an object is complete at the end only.
        if self.bracketed != Some(true) {
            return;
        }
        self.complete |= !self.complete && self.balance.scan(bytes).is_some();
    }

    fn close(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if let Stage::Open(block) = self.stage {
            each(Event::Close { block });
            self.stage = Stage::Closed;
        }
    }
}

/// Gemini behind OpenAI's format signs its calls.
fn prove(call: &Call<'_>, block: u32, each: &mut dyn FnMut(Event<'_>)) {
    let google = call
        .extra
        .0
        .as_ref()
        .and_then(|extra| extra.google.0.as_ref());
    let Some(proof) = google
        .map(|google| &*google.signature.0)
        .filter(|proof| !proof.is_empty())
    else {
        return;
    };
    let signature = match Signature::is_wrapped(proof) {
        true => Signature::unwrap(proof),
        false => Some(Signature::native(Origin::Gemini, proof)),
    };
    if let Some(signature) = signature {
        each(Event::Delta {
            block,
            delta: Delta::Signature(signature),
        });
    }
}
